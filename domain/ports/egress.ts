import type { BlockedAttempt } from './sandbox.ts'

/** A task's way out of its sandbox: a proxy that lets through what the operator allows. */
export interface EgressDoor {
  /** Path of the proxy's unix socket on the host, for {@link SandboxCommand.proxy}. */
  readonly socket: string
  /** What was refused since this was last asked; the same attempt counts once. */
  takeRefused(): readonly BlockedAttempt[]
  close(): Promise<void>
}

/** Opens ways out for tasks whose requester asked for `network: "allowlist"`. */
export interface Egress {
  open(task: {
    readonly taskId: string
    /** Folder of the host the socket is made in; commands never see it. */
    readonly directory: string
  }): Promise<EgressDoor>
}
