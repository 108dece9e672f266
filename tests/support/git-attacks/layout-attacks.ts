import type { Attack } from './attack.ts'

/** The repository moved to a folder of the work tree, with a file system monitor in its configuration. */
const MOVED = `
mv .git store
program store/evil
git config --file store/config core.fsmonitor "$WORKSPACE/store/evil"`

const REPOSITORY: readonly Attack[] = [
  { name: 'a .git that is a symbolic link', script: `${MOVED}\nln -s store .git`, plainGit: 'executes' },
  { name: 'a .git file that points elsewhere', script: `${MOVED}\necho 'gitdir: store' > .git`, plainGit: 'executes' },
  {
    name: 'a common directory elsewhere',
    script: `${MOVED}\nmkdir .git; cp store/HEAD .git/HEAD; echo "$WORKSPACE/store" > .git/commondir`,
    plainGit: 'executes',
  },
  {
    name: 'a bare repository in the root of the work tree',
    script: `
rm -rf .git
git init --quiet --bare --template= .
program evil
echo keep > objects/keep; echo keep > refs/keep
printf '[core]\\n\\trepositoryformatversion = 0\\n\\tbare = false\\n\\tworktree = %s\\n\\tfsmonitor = %s\\n' "$WORKSPACE" "$WORKSPACE/evil" > config`,
    plainGit: 'executes',
  },
  {
    name: 'a .GIT in capital letters',
    script: `
mkdir .GIT; cp .git/HEAD .git/config .GIT
program .GIT/evil
git config --file .GIT/config core.fsmonitor "$WORKSPACE/.GIT/evil"
cp -r .GIT src/.Git`,
    // Only a file system that ignores case takes it for .git.
    plainGit: 'none',
    mayBeRefused: true,
  },
  { name: 'a .git of garbage', script: 'rm -rf .git; head -c 4096 /dev/urandom > .git', plainGit: 'none' },
  { name: 'no .git at all', script: 'rm -rf .git', plainGit: 'none' },
]

const SUBMODULES: readonly Attack[] = [
  {
    name: 'an update command of a submodule',
    script: `
git init --quiet --template= vendor
commit() { git -C vendor -c user.name=a -c user.email=a@localhost commit --quiet --allow-empty -m "$1"; }
commit one
git update-index --add --cacheinfo "160000,$(git -C vendor rev-parse HEAD),vendor"
commit two
printf '[submodule "vendor"]\n\tpath = vendor\n\turl = https://vendor.invalid/x.git\n' > .gitmodules
program .git/evil
configure submodule.vendor.url https://vendor.invalid/x.git
configure submodule.vendor.active true
configure submodule.vendor.update "!$evil"`,
    plainGit: 'executes',
  },
  {
    name: 'an update command in .gitmodules',
    script: `printf '[submodule "x"]\n\tpath = x\n\turl = -u./x\n\tupdate = !touch %s\n' "$CANARY" > .gitmodules`,
    plainGit: 'none',
    mayBeRefused: true,
  },
  {
    name: 'a nested repository with a file system monitor',
    script: `
git init --quiet --template= vendor
git -C vendor -c user.name=a -c user.email=a@localhost commit --quiet --allow-empty -m nested
program vendor/.git/evil
git config --file vendor/.git/config core.fsmonitor "$WORKSPACE/vendor/.git/evil"`,
    plainGit: 'executes',
  },
  {
    name: 'a nested repository with a clean filter that reaches for the snapshots',
    script: `
git init --quiet --template= vendor
echo 'file filter=evil' > vendor/.gitattributes
echo one > vendor/file
git -C vendor add --all
git -C vendor -c user.name=a -c user.email=a@localhost commit --quiet -m nested
printf '#!/bin/sh\\ntouch %s /history/canary %s/../history/canary\\nexec cat\\n' "$CANARY" "$WORKSPACE" > vendor/.git/evil
chmod +x vendor/.git/evil
git config --file vendor/.git/config filter.evil.clean "./.git/evil"
echo two > vendor/file`,
    plainGit: 'executes',
  },
]

const UNREADABLE: readonly Attack[] = [
  {
    name: 'pipes in place of the files git reads from the work tree',
    script: 'rm -f .gitignore; mkfifo .gitignore .gitattributes src/.gitignore src/.gitattributes',
    plainGit: 'none',
    mayBeRefused: true,
  },
  {
    name: 'nested repositories with pipes in place of what git reads from them',
    script: `
mkdir -p one/.git two/.git/refs two/.git/objects three four
mkfifo one/.git/HEAD two/.git/config two/.git/commondir two/pipe three/.git
echo 'ref: refs/heads/x' > two/.git/HEAD
ln -s two/pipe four/.git`,
    plainGit: 'none',
  },
  {
    name: 'a .gitmodules that leads to a pipe',
    script: 'mkfifo src/pipe; ln -s src/pipe .gitmodules; git init --quiet --template= vendor',
    plainGit: 'none',
    mayBeRefused: true,
  },
  {
    name: 'a nested repository in a folder that cannot be listed',
    script: `
mkdir -p closed/vendor
git init --quiet --template= closed/vendor
git -C closed/vendor -c user.name=a -c user.email=a@localhost commit --quiet --allow-empty -m nested
printf '#!/bin/sh\\ntouch %s /history/canary\\n' "$CANARY" > closed/vendor/.git/evil
chmod +x closed/vendor/.git/evil
git config --file closed/vendor/.git/config core.fsmonitor "$WORKSPACE/closed/vendor/.git/evil"
chmod 111 closed`,
    plainGit: 'none',
    mayBeRefused: true,
  },
]

const PROTECTED: readonly Attack[] = [
  {
    name: 'a symbolic link in place of a protected folder',
    script: 'rm -rf tests; ln -s "$VICTIM_FILES" tests',
    plainGit: 'none',
  },
  {
    name: 'a nested repository in place of a protected folder',
    script: `
git init --quiet --template= tests
git -C tests -c user.name=a -c user.email=a@localhost commit --quiet --allow-empty -m nested`,
    plainGit: 'none',
    mayBeRefused: true,
  },
  {
    name: 'additions to a protected folder under names that are no text',
    script: String.raw`
for name in $'caf\xe9' $'new\nline' $'\xf0\x9f' $'tab\t' 'quote"' ':(top)' ' '; do
  mkdir "tests/$name"; echo hostile > "tests/$name/conftest.py"; echo hostile > "tests/$name.txt"
done`,
    plainGit: 'none',
  },
  {
    name: 'additions to protected names below a folder with a line break',
    script: "mkdir $'sub\\nfolder'; echo hostile > $'sub\\nfolder/conftest.py'",
    plainGit: 'none',
  },
]

const FOREIGN_FILES: readonly Attack[] = [
  {
    name: 'a work tree elsewhere',
    script: 'configure core.worktree "$VICTIM_FILES"',
    plainGit: 'leaks',
  },
  {
    name: "somebody else's objects as alternates",
    script: `
mkdir -p .git/objects/info
echo "$VICTIM/objects" > .git/objects/info/alternates
branch=$(sed 's/^ref: //' .git/HEAD)
echo "$VICTIM_COMMIT" > ".git/$branch"`,
    plainGit: 'leaks',
  },
  {
    name: 'symbolic links to a file of the host',
    script: `
ln -sf "$VICTIM_FILES/secret.txt" GEMINI.md
ln -s "$VICTIM_FILES" src/files
ln -sf "$VICTIM_FILES/secret.txt" .gitattributes
ln -sf "$VICTIM_FILES/secret.txt" .gitignore`,
    plainGit: 'none',
    mayBeRefused: true,
  },
]

const FILES: readonly Attack[] = [
  {
    name: 'files of environment variables',
    script: String.raw`
program .git/evil
lines="export GIT_SSH_COMMAND=$evil GIT_EXTERNAL_DIFF=$evil GIT_ASKPASS=$evil GIT_EXEC_PATH=$WORKSPACE GIT_PAGER=$evil
export GIT_DIR=$ATTACKER GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.fsmonitor GIT_CONFIG_VALUE_0=$evil
touch $CANARY"
for file in .env .envrc .bashrc .bash_profile .profile .zshenv .git/environment; do printf '%s\n' "$lines" > $file; done
mkdir -p .config/git
printf '[core]\n\tfsmonitor = %s\n\thooksPath = %s\n' "$evil" "$WORKSPACE" | tee .gitconfig .config/git/config > config`,
    plainGit: 'none',
  },
  {
    name: 'file names with control characters, options and pathspec magic',
    script: String.raw`
cd src
for name in --output=x -rf ':(exclude)*' '*' '"quoted"' 'back\slash' $'new\nline' $'\033[2J\a' $'\xff\xfe' HEAD; do
  echo text > "./$name"
done`,
    plainGit: 'none',
  },
  {
    name: 'a file of 60 MB',
    script: 'head -c 60000000 /dev/urandom > src/big.bin',
    plainGit: 'none',
    mayBeRefused: true,
  },
]

/** Attacks by what lies where in the workspace. */
export const LAYOUT_ATTACKS: readonly Attack[] = [
  ...REPOSITORY,
  ...SUBMODULES,
  ...UNREADABLE,
  ...PROTECTED,
  ...FOREIGN_FILES,
  ...FILES,
]
