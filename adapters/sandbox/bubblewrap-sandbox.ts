import { join } from 'node:path'
import type { BlockedAttempt, Sandbox, SandboxCommand, SandboxResult } from '../../domain/ports/sandbox.ts'
import { blockedBySignal, withBlocked } from './blocked-attempts.ts'
import type { CommandGroup, ControlGroups } from './control-groups.ts'
import { createDiskWatches, type Usage } from './disk-watch.ts'
import { createForwarding } from './forwarding.ts'
import { launcher, SHELL_VARIABLES } from './launcher.ts'
import { LIMITS, MEMORY_FOLDERS } from './limits.ts'
import { mountArguments, type Mount } from './mounts.ts'
import { cannotStart, EXTRA_INPUT, runProcess } from './run-process.ts'
import { toolchain } from './toolchain.ts'
import { becoming, canBecomeOthers, CAPABILITIES_TO_BECOME, giveTo, userFor } from './unprivileged-user.ts'

const WORKSPACE = '/workspace'
const HOME = '/home/agent'
/** Nobody: no file of the host belongs to it. */
const NOBODY = '65534'
/** Commands may use what is idle; the gateway's own heartbeats, its database and Temporal come first. */
const NICENESS = 5
/** Programs that say it when the last word of a chain cannot be started. */
const STARTERS = ['bwrap: execvp', 'setpriv: failed to execute']
/** On this file system only, as the limit is. */
const COUNTING = 'du --summarize --one-file-system --block-size=1 . && du --summarize --one-file-system --inodes .'
/** Counting a workspace that needs longer is given up, and what is gone from the disk counts. */
const COUNT = { timeoutMs: 60_000, maxOutputBytes: 4_096 } as const

export interface BubblewrapOptions {
  readonly bwrap: string
  /** Whether this bubblewrap has an option; old ones lack some. */
  readonly understands: (option: string) => boolean
  /** Of system calls, as `--seccomp` reads it. */
  readonly filter: Uint8Array
  readonly groups?: ControlGroups | undefined
  /** What a workspace may hold; for trying it on a small scale. */
  readonly workspaceLimit?: Usage | undefined
}

/**
 * Commands in namespaces of their own: no network, no process but theirs, a read-only system by allow-list, an empty
 * environment, no capability, and a user without rights even when the gateway is root. The workspace is all they can
 * write, and all of the host they can see.
 */
export function createBubblewrapSandbox(options: BubblewrapOptions): Sandbox {
  const contained = createContainment(options)
  const watched = createDiskWatches({
    count: async (workspace) =>
      usageIn(await contained({ ...COUNT, workspace, writable: false, command: ['sh', '-c', COUNTING] })),
    ...(options.workspaceLimit && { limit: options.workspaceLimit }),
  })
  return {
    kind: 'bubblewrap',
    pathOf: () => WORKSPACE,
    pathOfMount: ({ target }) => target,
    run: async (command) => {
      if (command.writable === false) return contained(command)
      const watch = watched(command.workspace)
      try {
        const result = await contained(command, watch.stop)
        const reason = watch.reason
        return reason === undefined ? result : withBlocked(result, [{ what: 'disk', target: reason }])
      } finally {
        watch.end()
      }
    },
  }
}

/** Runs one command within every bound but that of the workspace's size. */
function createContainment({
  bwrap,
  understands,
  filter,
  groups,
}: BubblewrapOptions): (command: SandboxCommand, stop?: AbortSignal) => Promise<SandboxResult> {
  const isRoot = canBecomeOthers()
  const { mounts, path } = toolchain()
  const limited = launcher(isRoot ? LIMITS.processes : LIMITS.processesOfUser)
  const place = { openParents: isRoot }
  const sandbox = [
    ...limited,
    bwrap,
    ...isolation({ understands, isRoot }),
    ...['--seccomp', String(EXTRA_INPUT)],
    ...mountArguments(mounts, place),
  ]
  const forwarding = createForwarding()
  return async (command, stop) => {
    const user = isRoot ? userFor(command.workspace) : undefined
    if (user !== undefined) await Promise.all(foldersOf(command).map((folder) => giveTo(user, folder)))
    const way = command.proxy === undefined ? undefined : forwarding(command.proxy)
    let group: CommandGroup | undefined
    let stopped: readonly BlockedAttempt[] = []
    const result = await runProcess({
      ...command,
      command: [
        ...sandbox,
        ...mountArguments([...mountsOf(command), ...(way?.mounts ?? [])], place),
        ...['--remount-ro', '/', '--chdir', directoryOf(command), '--'],
        ...[...(user === undefined ? [] : becoming(user)), ...(way?.words ?? []), ...command.command],
      ] as readonly string[] as [string],
      directory: '/',
      niceness: NICENESS,
      stop,
      started: (pid) => void (group = groups?.bound(pid)),
      extraInput: filter,
      // bwrap itself is process 1 inside, and its environment can be read there: it must hold nothing.
      environment: { PATH: path, HOME, LANG: 'C.UTF-8', TERM: 'dumb', ...way?.environment, ...command.environment },
    }).finally(() => (stopped = group?.close() ?? []))
    return withBlocked(withPlainFailure(result, command), [...blockedBySignal(result), ...stopped])
  }
}

/** The namespaces and what they hold whatever the command is. */
function isolation(host: { readonly understands: (option: string) => boolean; readonly isRoot: boolean }): string[] {
  const { understands, isRoot } = host
  const folders = MEMORY_FOLDERS.flatMap(({ folder, bytes }) => [
    // Made by the host's root, used by somebody else.
    ...(isRoot ? ['--perms', '1777'] : []),
    ...(understands('--size') ? ['--size', String(bytes)] : []),
    ...['--tmpfs', folder],
  ])
  return [
    ...['--unshare-ipc', '--unshare-pid', '--unshare-net', '--unshare-uts', '--unshare-cgroup-try'],
    ...['--die-with-parent', '--new-session', '--cap-drop', 'ALL'],
    ...(isRoot ? CAPABILITIES_TO_BECOME.flatMap((capability) => ['--cap-add', capability]) : []),
    ...(isRoot ? [] : ['--unshare-user', '--uid', NOBODY, '--gid', NOBODY]),
    // A namespace within would give back every capability, and with them much of the kernel to attack.
    ...(!isRoot && understands('--disable-userns') ? ['--disable-userns'] : []),
    ...SHELL_VARIABLES.flatMap((variable) => ['--unsetenv', variable]),
    // Read-only: process 1 of a gateway of root is root to the kernel's settings below /proc/sys.
    ...['--hostname', 'builder', '--proc', '/proc', '--remount-ro', '/proc'],
    ...['--dev', '/dev', '--remount-ro', '/dev', ...folders],
  ]
}

const mountsOf = ({ workspace, writable, mounts = [] }: SandboxCommand): readonly Mount[] => [
  [writable === false ? '--ro-bind' : '--bind', workspace, WORKSPACE],
  ...mounts.map(({ source, target, writable }): Mount => [writable ? '--bind' : '--ro-bind', source, target]),
]

const directoryOf = (command: SandboxCommand): string => join(WORKSPACE, command.directory ?? '.')

/** What a command's user must own. */
const foldersOf = ({ workspace, mounts = [] }: SandboxCommand): readonly string[] => [
  workspace,
  ...mounts.filter(({ writable }) => writable).map(({ source }) => source),
]

/** What bubblewrap itself could not use, said as the port does. */
function withPlainFailure(result: SandboxResult, command: SandboxCommand): SandboxResult {
  if (result.exitCode !== 1 && result.exitCode !== 127) return result
  const [program] = command.command
  const said = Buffer.from(result.stderr).toString('utf8')
  if (STARTERS.some((starter) => said.startsWith(`${starter} ${program}: `)))
    return cannotStart(`${program}: not found`)
  if (said.startsWith(`bwrap: Can't chdir to ${directoryOf(command)}: `))
    return cannotStart(`${command.directory}: not a directory`)
  if (said.startsWith(`bwrap: Can't find source path ${command.workspace}: `)) throw new Error(said.trim())
  return result
}

/** Two numbers, of bytes and of files. */
function usageIn({ exitCode, stdout }: SandboxResult): Usage | undefined {
  const [bytes = 0, files = 0] = Buffer.from(stdout)
    .toString('utf8')
    .split('\n')
    .map((line) => Number.parseInt(line, 10))
  return exitCode === 0 && bytes > 0 && files > 0 ? { bytes, files } : undefined
}
