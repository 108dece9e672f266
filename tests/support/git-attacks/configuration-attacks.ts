import type { Attack } from './attack.ts'

const configured = (name: string, script: string): Attack => ({
  name,
  script: `program .git/evil\n${script}`,
  plainGit: 'executes',
})

const hook = (name: string): Attack => ({
  name: `a ${name} hook`,
  script: `program .git/hooks/${name}`,
  plainGit: 'executes',
})

/** A driver bound to every file by an attributes file of the work tree. */
const driver = (name: string, attribute: string, settings: readonly string[]): Attack =>
  configured(name, [`echo '* ${attribute}=evil' > .gitattributes`, ...settings].join('\n'))

const HOOKS: readonly Attack[] = [
  hook('pre-commit'),
  hook('post-checkout'),
  hook('post-index-change'),
  hook('reference-transaction'),
  hook('pre-push'),
  configured('a folder of hooks named by core.hooksPath', 'program tools/pre-commit; configure core.hooksPath tools'),
]

const PROGRAMS: readonly Attack[] = [
  configured('a file system monitor', 'configure core.fsmonitor "$evil"'),
  {
    name: 'a pager',
    script:
      'program .git/evil; configure core.pager "$evil"; configure pager.diff "$evil"; configure pager.log "$evil"',
    // It starts only on a terminal.
    plainGit: 'none',
  },
  configured('an editor', 'configure core.editor "$evil"'),
  configured(
    'an ssh command',
    'program .git/evil exit; configure core.sshCommand "$evil"; configure remote.origin.url ssh://attacker.invalid/x.git',
  ),
  configured(
    'a git proxy',
    'configure core.gitProxy "$evil"; configure remote.origin.url git://attacker.invalid/x.git',
  ),
  configured('a credential helper', 'configure credential.helper "!$evil"'),
  configured('a password prompt', 'configure core.askPass "$evil"'),
  configured('a signing program', 'configure gpg.program "$evil"; configure commit.gpgSign true'),
  configured(
    'a command for the signing key',
    'configure gpg.format ssh; configure gpg.ssh.defaultKeyCommand "$evil"; configure commit.gpgSign true',
  ),
  configured('an external diff', 'configure diff.external "$evil"'),
  configured('a packer for archives', 'configure tar.tgz.command "$evil"'),
  configured('an alias that stands in for a missing command', 'configure alias.lfs "!$evil"'),
]

/** Attacks by programs bound to files. */
export const DRIVER_ATTACKS: readonly Attack[] = [
  driver('a diff driver', 'diff', ['configure diff.evil.command "$evil"']),
  driver('a text conversion of a diff driver', 'diff', ['configure diff.evil.textconv "$evil"']),
  driver('a clean filter', 'filter', ['configure filter.evil.clean "$evil"']),
  driver('a smudge filter', 'filter', ['configure filter.evil.clean cat', 'configure filter.evil.smudge "$evil"']),
  driver('a filter process', 'filter', ['configure filter.evil.process "$evil"']),
  driver('a merge driver', 'merge', ['configure merge.evil.driver "$evil"']),
  configured(
    'a clean filter bound by core.attributesFile',
    `echo '* filter=evil' > .git/attributes
configure core.attributesFile "$WORKSPACE/.git/attributes"
configure filter.evil.clean "$evil"`,
  ),
  configured(
    'a clean filter bound by .git/info/attributes',
    `mkdir -p .git/info; echo '* filter=evil' > .git/info/attributes; configure filter.evil.clean "$evil"`,
  ),
  configured(
    'a large file storage configuration',
    `printf '[lfs]\n\turl = file://%s\n\tstandalonetransferagent = evil\n' "$ATTACKER" > .lfsconfig
printf '[lfs "customtransfer.evil"]\n\tpath = %s\n' "$evil" >> .lfsconfig
echo '* filter=lfs diff=lfs merge=lfs -text' > .gitattributes
configure lfs.customtransfer.evil.path "$evil"
configure filter.lfs.clean "$evil"; configure filter.lfs.smudge "$evil"; configure filter.lfs.process "$evil"
configure filter.lfs.required true`,
  ),
]

const INCLUDED: readonly Attack[] = [
  configured(
    'a configuration included from the work tree',
    `printf '[core]\n\tfsmonitor = %s\n' "$evil" > settings.ini; configure include.path ../settings.ini`,
  ),
  configured(
    'a configuration included on a condition',
    `printf '[core]\n\tfsmonitor = %s\n' "$evil" > settings.ini; configure 'includeIf.onbranch:**.path' ../settings.ini`,
  ),
  configured(
    'a configuration of the worktree',
    'configure extensions.worktreeConfig true; git config --file .git/config.worktree core.fsmonitor "$evil"',
  ),
]

/** Attacks by what `.git/config` and its companions make git run. */
export const CONFIGURATION_ATTACKS: readonly Attack[] = [...HOOKS, ...PROGRAMS, ...DRIVER_ATTACKS, ...INCLUDED]
