import type { ChannelWebhook, Received } from '../domain/ports/channel.ts'
import type { Store } from '../domain/ports/store.ts'
import type { TaskControl, TaskIntake } from '../domain/ports/task-control.ts'
import type { Acceptance } from '../domain/task.ts'
import type { SignIn } from './sign-in.ts'

/**
 * Checks a repository before a task on it is accepted; throws `repository_not_allowed`. Gives what the operator set for
 * a known one.
 */
export type RepositoryCheck = (repository: {
  readonly url: string
  readonly ref?: string | undefined
  readonly tenant: string
}) => { readonly acceptance?: Acceptance | undefined; readonly protectedPaths?: readonly string[] | undefined }

/** Everything the API needs; it starts nothing and reads no environment. */
export interface ApiDependencies {
  readonly store: Store
  readonly tasks: TaskControl
  readonly intake: TaskIntake
  /** Names what does not work; empty when the gateway can take tasks. */
  readonly ready: () => Promise<{ readonly ok: boolean; readonly failing: readonly string[] }>
  readonly pool: () => Promise<{
    readonly queueDepth: number
    readonly oldestWaitMs: number
    readonly min: number
    readonly max: number
  }>
  /** Where clients reach the API, without a slash at the end. */
  readonly publicUrl: () => string
  readonly temporalUiUrl?: string | undefined
  readonly namespace: string
  /** Public keys receipts are signed with. */
  readonly receiptKeys: () => readonly { readonly keyId: string; readonly publicKey: string }[]
  readonly clock: () => Date
  readonly log: { error(fields: object, message: string): void }
  readonly signIn: SignIn
  /** Channels that are configured, and where what they bring goes; it resolves once that is durable. */
  readonly webhooks: {
    readonly channels: readonly ChannelWebhook[]
    readonly take: (received: Received) => Promise<void>
  }
  /** Aborts when the server closes, so that open streams end. */
  readonly closing: AbortSignal
}
