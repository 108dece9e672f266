import { existsSync, lstatSync, readlinkSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { rgPath } from '@vscode/ripgrep'
import type { Sandbox, SandboxCommand } from '../../domain/ports/sandbox.ts'
import { runProcess } from './run-process.ts'

const WORKSPACE = '/workspace'
const HOME = '/home/agent'
/** Programs the gateway brings along. */
const OWN_PROGRAMS = '/opt/openclaw/bin'
/** Nobody: no file of the host belongs to it. */
const NOBODY = '65534'

/** Directories of a usual Linux whose programs a build needs; each is bound read-only or copied as the link it is. */
const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32']
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

/**
 * Commands in namespaces of their own: no network, no process but theirs, a read-only system by allow-list, an empty
 * environment, no capability. The workspace is all they can write, and all of the host they can see.
 */
export function createBubblewrapSandbox(programs: {
  readonly bwrap: string
  readonly prlimit?: string | undefined
}): Sandbox {
  const { mounts, path } = toolchain()
  const limits = programs.prlimit === undefined ? [] : [programs.prlimit, ...LIMITS]
  return {
    kind: 'bubblewrap',
    pathOf: () => WORKSPACE,
    pathOfMount: ({ target }) => target,
    run: (command) =>
      runProcess({
        ...command,
        command: [...limits, programs.bwrap, ...mounts, ...argumentsFor(command), '--', ...command.command] as [string],
        directory: '/',
        // bwrap itself is process 1 inside, and its environment can be read there: it must hold nothing.
        environment: { PATH: path, HOME, LANG: 'C.UTF-8', TERM: 'dumb', ...command.environment },
      }),
  }
}

function argumentsFor(command: SandboxCommand): readonly string[] {
  const bind = command.writable === false ? '--ro-bind' : '--bind'
  return [
    ...['--unshare-all', '--die-with-parent', '--new-session', '--cap-drop', 'ALL', '--uid', NOBODY, '--gid', NOBODY],
    ...['--hostname', 'builder', '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--dir', HOME],
    ...[bind, command.workspace, WORKSPACE],
    ...(command.mounts ?? []).flatMap(({ source, target, writable }) => [
      writable ? '--bind' : '--ro-bind',
      source,
      target,
    ]),
    ...['--chdir', join(WORKSPACE, command.directory ?? '.')],
  ]
}

/** Read-only mounts of the system and of the Node and Python in use, and the PATH that finds them. */
function toolchain(): { readonly mounts: readonly string[]; readonly path: string } {
  const mounts = [...SYSTEM.flatMap(systemDirectory), ...SETTINGS.filter(existsSync).flatMap(readOnly)]
  const prefixes = [process.execPath, which('python3')].flatMap(foreignPrefix)
  for (const prefix of new Set(prefixes)) mounts.push(...readOnly(prefix))
  mounts.push('--ro-bind', rgPath, join(OWN_PROGRAMS, 'rg'))
  const own = [...new Set(prefixes)].map((prefix) => join(prefix, 'bin'))
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
