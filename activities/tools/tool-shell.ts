import { posix } from 'node:path'
import { COMMAND_TIMEOUT_MS, MAX_TOOL_OUTPUT_BYTES } from '../../domain/limits.ts'
import type { EgressDoor } from '../../domain/ports/egress.ts'
import type { BlockedAttempt, Sandbox, SandboxResult } from '../../domain/ports/sandbox.ts'

/** A path or argument the model got wrong; the message is for it. */
export class ToolArgumentError extends Error {
  override readonly name = 'ToolArgumentError'
}

/** Programs on one workspace, through its sandbox. */
export interface ToolShell {
  /** The path relative to the workspace. Throws {@link ToolArgumentError} for one that lies outside. */
  relative(path: string): string
  run(command: Command, options?: RunOptions): Promise<ShellResult>
  /** Runs a command on a path; it fails without running when links lead that path out of the workspace. */
  runOn(path: string, command: Command, options?: RunOptions): Promise<ShellResult>
  /** What the boundary stopped so far. */
  readonly blocked: readonly BlockedAttempt[]
}

type Command = readonly [string, ...string[]]

interface RunOptions {
  readonly directory?: string
  readonly stdin?: string
  /** Whether the command may use the task's way out, when it has one. */
  readonly network?: boolean
}

/**
 * Becomes the command behind the path unless a link on the way to it ends outside. Only what is a link is followed:
 * that costs a process, and there seldom is one.
 */
const INSIDE = `
place=$1
shift
until [ -L "$place" ]; do
  case $place in */*) place=\${place%/*} ;; *) exec "$@" ;; esac
done
case $(readlink -f -- "$place")/ in "$(pwd -P)"/*) exec "$@" ;; esac
echo "it leads out of the workspace" >&2
exit 126`

export interface ShellResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  readonly timedOut: boolean
  readonly droppedBytes: number
  /** Output as it came, for what may be no text. */
  readonly bytes: Uint8Array
}

/** Opens the workspace for the tools. A wrong path is refused here as a courtesy; the sandbox is the boundary. */
export function createToolShell(place: {
  readonly sandbox: Sandbox
  readonly workspace: string
  readonly door?: EgressDoor | undefined
  readonly signal: AbortSignal
}): ToolShell {
  const { sandbox, workspace, door, signal } = place
  const root = sandbox.pathOf(workspace)
  const blocked: BlockedAttempt[] = []
  const run: ToolShell['run'] = async (command, options = {}) => {
    const result = await sandbox.run({
      workspace,
      command,
      ...(options.directory !== undefined && { directory: options.directory }),
      ...(options.stdin !== undefined && { stdin: options.stdin }),
      ...(options.network === true && door && { proxy: door.socket }),
      timeoutMs: COMMAND_TIMEOUT_MS,
      maxOutputBytes: MAX_TOOL_OUTPUT_BYTES,
      signal,
    })
    blocked.push(...(result.blocked ?? []), ...(door?.takeRefused() ?? []))
    return asText(result)
  }
  return {
    relative: (path) => relativeTo(root, path),
    run,
    blocked,
    runOn: (path, command, options) => run(['sh', '-c', INSIDE, 'sh', path, ...command], options),
  }
}

function relativeTo(root: string, path: string): string {
  if (path.includes('\0')) throw new ToolArgumentError('The path holds a NUL character.')
  const inside = path === root ? '.' : path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path
  const normal = posix.normalize(inside).replace(/(?<=.)\/$/, '')
  if (posix.isAbsolute(normal) || normal === '..' || normal.startsWith('../'))
    throw new ToolArgumentError(`The path ${path} lies outside the workspace ${root}. Use a path relative to it.`)
  // A name that looks like an option stays a name.
  return normal.startsWith('-') ? `./${normal}` : normal
}

const asText = ({ stdout, stderr, ...rest }: SandboxResult): ShellResult => ({
  ...rest,
  bytes: stdout,
  stdout: Buffer.from(stdout).toString('utf8'),
  stderr: Buffer.from(stderr).toString('utf8').trim(),
})
