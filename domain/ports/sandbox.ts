/** A directory of the host made visible inside. */
export interface SandboxMount {
  readonly source: string
  readonly target: string
  readonly writable: boolean
}

/** Something the boundary refused, or ended a command for. */
export interface BlockedAttempt {
  readonly what: 'egress' | 'kernel' | 'memory' | 'processes' | 'disk'
  /** What was wanted: a host and why not, a bound that was reached. Never a credential or a whole URL. */
  readonly target: string
}

/** One command to run where it can touch nothing but its workspace. */
export interface SandboxCommand {
  /** Host path of the workspace directory. */
  readonly workspace: string
  /** Whether the command may change the workspace. Default true. */
  readonly writable?: boolean
  readonly command: readonly [string, ...string[]]
  readonly stdin?: Uint8Array | string
  /** Variables beside PATH, HOME, LANG and TERM; the host's own environment never enters. */
  readonly environment?: Readonly<Record<string, string>>
  readonly mounts?: readonly SandboxMount[]
  /** Unix socket of a proxy, the command's only way to a network; without one there is none. */
  readonly proxy?: string | undefined
  /** Directory to start in, relative to the workspace. */
  readonly directory?: string
  readonly timeoutMs: number
  /** Bytes kept of each stream: the first quarter and the last three quarters; what lies between is dropped. */
  readonly maxOutputBytes: number
  readonly signal?: AbortSignal
}

export interface SandboxResult {
  /** Exit code; 128 + signal number when a signal ended it, 127 when the program or the directory cannot be used. */
  readonly exitCode: number
  readonly stdout: Uint8Array
  readonly stderr: Uint8Array
  readonly timedOut: boolean
  /** Bytes dropped from the middle of stdout and stderr together. */
  readonly droppedBytes: number
  readonly durationMs: number
  /** What can be told from outside; the kernel refuses most things without a word. */
  readonly blocked?: readonly BlockedAttempt[]
}

/**
 * The boundary around everything the model causes to run: file tools, commands, snapshots, verification.
 * When `run` returns, nothing the command started is alive. It rejects with `sandbox_unavailable` when this host
 * has no sandbox, and with the signal's reason when it was cancelled (after the processes are gone).
 */
export interface Sandbox {
  readonly kind: 'bubblewrap' | 'none' | 'unavailable'
  /** Path of the workspace as commands inside see it. */
  pathOf(workspace: string): string
  /** Path of a mount as commands inside see it. */
  pathOfMount(mount: SandboxMount): string
  run(command: SandboxCommand): Promise<SandboxResult>
}
