# Records the files of $WORKSPACE as a commit on $BASE, in a git directory ($HISTORY) the workspace's owner never sees.
# Prints `<commit> <tree>` and, unless the tree is $KNOWN_TREE, a pack of the commit.
# It runs inside the sandbox, and yet nothing of the workspace may steer it: the history must stay honest.
set -eu
export GIT_WORK_TREE="$WORKSPACE" GIT_DIR="$HISTORY" LC_ALL=C

# A snapshot that was killed may have left its locks; nobody else works here.
for lock in "$HISTORY"/*.lock; do
  [ ! -e "$lock" ] || rm -f "$lock"
done
if [ ! -f "$HISTORY/index" ]; then
  git init --quiet --template= >&2
  printf '%s\n' "$BARE/objects" > "$HISTORY/objects/info/alternates"
  # What programs leave behind where they run is no change anybody wants delivered; what the base has of it stays.
  printf '%s\n' __pycache__/ '*.py[co]' .pytest_cache/ .mypy_cache/ node_modules/ .DS_Store > "$HISTORY/excluded"
  # The submodules of the base, in a form that update-index takes.
  git ls-tree -r -z "$BASE" | sed -n -z '/^160000 /p' > "$HISTORY/submodules"
  git read-tree "$BASE"
  fresh=yes
fi
cd "$WORKSPACE"

# Git would wait for ever at a pipe in place of a file it reads, and run what the configuration of a repository inside
# the workspace names. Such a repository has an entry below it put into the index: so git takes its folder for an
# ordinary one and never opens it. No file has the entry's name, hence `git add` removes it again.
find . -path ./.git -prune -o -name .git -prune -print0 \
  -o -type p \( -name .gitignore -o -name .gitattributes -o -name .gitmodules \) -print0 > "$HISTORY/found"
if [ -s "$HISTORY/found" ]; then
  xargs -0 sh -c '
    for path do
      path=${path#./}
      case $path in
        */.git) printf "100644 %s\t%s\0" "$BASE" "${path%.git}$PLACEHOLDER" ;;
        *) printf "%s is a pipe, not a file.\n" "$path" >&2; exit 1 ;;
      esac
    done' sh < "$HISTORY/found" > "$HISTORY/placeholders"
  git update-index -z --index-info < "$HISTORY/placeholders"
fi

# Submodules of the base stay at their commits unless their folder is gone; what is in the folder is left alone.
printf '.\0' > "$HISTORY/paths"
if [ -s "$HISTORY/submodules" ]; then
  git update-index -z --index-info < "$HISTORY/submodules"
  xargs -0 sh -c '
    for line do
      path=${line#*"$(printf "\t")"}
      [ -L "$path" ] || [ ! -d "$path" ] || printf ":(exclude,literal)%s\0" "$path"
    done' sh < "$HISTORY/submodules" >> "$HISTORY/paths"
fi

# Without it every file of the base counts as changed and is written once more.
[ -z "${fresh:-}" ] || git update-index -q --ignore-submodules --refresh >&2 || :
git add --all --pathspec-from-file="$HISTORY/paths" --pathspec-file-nul >&2
tree=$(git write-tree)
known=$KNOWN_TREE
[ -n "$known" ] || known=$(git rev-parse "$BASE^{tree}")
commit=$(git commit-tree "$tree" -p "$BASE" -m "$MESSAGE")
printf '%s %s\n' "$commit" "$tree"
[ "$tree" != "$known" ] || exit 0
printf '%s\n^%s\n' "$commit" "$BASE" | git pack-objects --quiet --stdout --revs --thin --delta-base-offset
