import { posix } from 'node:path'
import { COMMAND_TIMEOUT_MS, MAX_TOOL_OUTPUT_BYTES } from '../../domain/limits.ts'
import type { Sandbox, SandboxResult } from '../../domain/ports/sandbox.ts'

/** A path or argument the model got wrong; the message is for it. */
export class ToolArgumentError extends Error {
  override readonly name = 'ToolArgumentError'
}

/** Programs on one workspace, through its sandbox. */
export interface ToolShell {
  /** The path relative to the workspace. Throws {@link ToolArgumentError} for one that lies outside. */
  relative(path: string): string
  run(
    command: readonly [string, ...string[]],
    options?: { readonly directory?: string; readonly stdin?: string },
  ): Promise<ShellResult>
}

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
  readonly signal: AbortSignal
}): ToolShell {
  const { sandbox, workspace, signal } = place
  const root = sandbox.pathOf(workspace)
  return {
    relative: (path) => relativeTo(root, path),
    async run(command, options = {}) {
      const result = await sandbox.run({
        workspace,
        command,
        ...(options.directory !== undefined && { directory: options.directory }),
        ...(options.stdin !== undefined && { stdin: options.stdin }),
        timeoutMs: COMMAND_TIMEOUT_MS,
        maxOutputBytes: MAX_TOOL_OUTPUT_BYTES,
        signal,
      })
      return asText(result)
    },
  }
}

function relativeTo(root: string, path: string): string {
  if (path.includes('\0')) throw new ToolArgumentError('The path holds a NUL character.')
  const inside = path === root ? '.' : path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path
  const normal = posix.normalize(inside).replace(/\/$/, '')
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
