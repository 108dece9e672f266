import { existsSync, lstatSync, readlinkSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { rgPath } from '@vscode/ripgrep'
import type { Sandbox, SandboxCommand, SandboxResult } from '../../domain/ports/sandbox.ts'
import { inheritedDescriptors } from './inherited-descriptors.ts'
import { cannotStart, EXTRA_INPUT, runProcess } from './run-process.ts'
import { seccompFilter } from './seccomp-filter.ts'

const WORKSPACE = '/workspace'
const HOME = '/home/agent'
/** Programs the gateway brings along. */
const OWN_PROGRAMS = '/opt/openclaw/bin'
/** Nobody: no file of the host belongs to it. */
const NOBODY = '65534'

/** Directories of a usual Linux whose programs a build needs; each is bound read-only or copied as the link it is. */
const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32']
/** What of an installation elsewhere enters. Never the folder that holds it: that may be somebody's home. */
const INSTALLATION = ['bin', 'include', 'lib']
/** The few settings programs look for. Nothing else of /etc enters: it may hold credentials. */
const SETTINGS = [
  '/etc/alternatives',
  '/etc/ld.so.cache',
  '/etc/ld.so.conf',
  '/etc/ld.so.conf.d',
  '/etc/localtime',
  '/etc/nsswitch.conf',
  '/etc/ssl/certs',
  '/etc/ssl/openssl.cnf',
  '/etc/python3',
  '/etc/mime.types',
]

/**
 * Bounds on what one command may take. RLIMIT_DATA and not RLIMIT_AS: Node reserves address space it never uses.
 * The number of processes counts all of the user's, hence so high.
 */
const LIMITS = ['--core=0', '--data=4294967296', '--fsize=2147483648', '--nofile=8192', '--nproc=8192']
/** What may lie in memory as files, by folder. Without a bound each holds half of the host's memory. */
const MEMORY_FOLDERS = { '/tmp': '4294967296', [HOME]: '4294967296', '/dev/shm': '1073741824' }

/**
 * Commands in namespaces of their own: no network, no process but theirs, a read-only system by allow-list, an empty
 * environment, no capability. The workspace is all they can write, and all of the host they can see.
 */
export function createBubblewrapSandbox(programs: {
  readonly bwrap: string
  readonly prlimit?: string | undefined
  /** Whether this bubblewrap has an option; old ones lack some. */
  readonly understands: (option: string) => boolean
}): Sandbox {
  const { mounts, path } = toolchain()
  const limits = programs.prlimit === undefined ? [] : [programs.prlimit, ...LIMITS]
  const filter = seccompFilter()
  const filtered = filter ? ['--seccomp', String(EXTRA_INPUT)] : []
  const before = [
    ...closingStrays(),
    ...limits,
    programs.bwrap,
    ...isolation(programs.understands),
    ...filtered,
    ...mounts,
  ]
  return {
    kind: 'bubblewrap',
    pathOf: () => WORKSPACE,
    pathOfMount: ({ target }) => target,
    run: async (command) => {
      const result = await runProcess({
        ...command,
        command: [...before, ...argumentsFor(command), '--', ...command.command] as readonly string[] as [string],
        directory: '/',
        extraInput: filter,
        // bwrap itself is process 1 inside, and its environment can be read there: it must hold nothing.
        environment: { PATH: path, HOME, LANG: 'C.UTF-8', TERM: 'dumb', ...command.environment },
      })
      return withPlainFailure(result, command)
    },
  }
}

/** The namespaces and what they hold whatever the command is. */
function isolation(understands: (option: string) => boolean): readonly string[] {
  const folders = Object.entries(MEMORY_FOLDERS).flatMap(([folder, bytes]) => [
    ...(understands('--size') ? ['--size', bytes] : []),
    ...['--tmpfs', folder],
  ])
  return [
    ...['--unshare-all', '--die-with-parent', '--new-session', '--cap-drop', 'ALL', '--uid', NOBODY, '--gid', NOBODY],
    // A namespace within would give back every capability, and with them much of the kernel to attack.
    ...(understands('--disable-userns') ? ['--unshare-user', '--disable-userns'] : []),
    // Read-only: a gateway of root is root to the kernel's settings below /proc/sys, capabilities or not.
    ...['--hostname', 'builder', '--proc', '/proc', '--remount-ro', '/proc'],
    ...['--dev', '/dev', '--remount-ro', '/dev', ...folders],
  ]
}

function argumentsFor(command: SandboxCommand): readonly string[] {
  const bind = command.writable === false ? '--ro-bind' : '--bind'
  return [
    ...[bind, command.workspace, WORKSPACE],
    ...(command.mounts ?? []).flatMap(({ source, target, writable }) => [
      writable ? '--bind' : '--ro-bind',
      source,
      target,
    ]),
    ...['--remount-ro', '/', '--chdir', directoryOf(command)],
  ]
}

const directoryOf = (command: SandboxCommand): string => join(WORKSPACE, command.directory ?? '.')

/** What bubblewrap itself could not use, said as the port does. */
function withPlainFailure(result: SandboxResult, command: SandboxCommand): SandboxResult {
  if (result.exitCode !== 1) return result
  const [program] = command.command
  const said = Buffer.from(result.stderr).toString('utf8')
  if (said.startsWith(`bwrap: execvp ${program}: `)) return cannotStart(`${program}: not found`)
  if (said.startsWith(`bwrap: Can't chdir to ${directoryOf(command)}: `))
    return cannotStart(`${command.directory}: not a directory`)
  if (said.startsWith(`bwrap: Can't find source path ${command.workspace}: `)) throw new Error(said.trim())
  return result
}

/** Closes what this process inherited without wanting it; node would hand it on to every child. */
function closingStrays(): readonly string[] {
  const strays = inheritedDescriptors().filter((descriptor) => Number(descriptor) !== EXTRA_INPUT)
  if (strays.length === 0) return []
  const closing = strays.map((descriptor) => `${descriptor}>&-`).join(' ')
  // bash counts its depth in a variable nobody asked for.
  return ['bash', '-c', `exec ${closing}; exec env -u SHLVL "$@"`, 'bash']
}

/** Read-only mounts of the system and of the Node and Python in use, and the PATH that finds them. */
function toolchain(): { readonly mounts: readonly string[]; readonly path: string } {
  const mounts = [...SYSTEM.flatMap(systemDirectory), ...SETTINGS.filter(existsSync).flatMap(readOnly)]
  const prefixes = [...new Set([process.execPath, which('python3')].flatMap(foreignPrefix))]
  const parts = prefixes.flatMap((prefix) => INSTALLATION.map((part) => join(prefix, part)))
  mounts.push(...parts.filter(existsSync).flatMap(readOnly), '--ro-bind', rgPath, join(OWN_PROGRAMS, 'rg'))
  const own = prefixes.map((prefix) => join(prefix, 'bin'))
  return { mounts, path: [...own, '/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin', OWN_PROGRAMS].join(':') }
}

const readOnly = (path: string): string[] => ['--ro-bind', path, path]

function systemDirectory(path: string): string[] {
  if (!existsSync(path)) return []
  return lstatSync(path).isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : readOnly(path)
}

/** The installation prefix of a program that lives outside the system's own directories. */
function foreignPrefix(program: string | undefined): string[] {
  if (program === undefined) return []
  const real = realpathSync(program)
  return SYSTEM.some((directory) => real.startsWith(`${directory}/`)) ? [] : [dirname(dirname(real))]
}

/** First match in the system directories; a host may lack Python. */
function which(program: string): string | undefined {
  return ['/usr/local/bin', '/usr/bin', '/bin'].map((directory) => join(directory, program)).find(existsSync)
}
