import type { Store } from '../domain/ports/store.ts'
import type { Acceptance } from '../domain/task.ts'
import type { SignIn } from './sign-in.ts'
import type { TaskControl } from './task-control.ts'

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
  /** Names what does not work; empty when the gateway can take tasks. */
  readonly ready: () => Promise<{ readonly ok: boolean; readonly failing: readonly string[] }>
  readonly pool: () => Promise<{
    readonly queueDepth: number
    readonly oldestWaitMs: number
    readonly min: number
    readonly max: number
  }>
  readonly checkRepository: RepositoryCheck
  /** Where clients reach the API, without a slash at the end. */
  readonly publicUrl: () => string
  readonly temporalUiUrl?: string | undefined
  readonly namespace: string
  /** Hosts a callbackUrl may name although they are inner ones. */
  readonly outboundAllowlist: readonly string[]
  /** Public keys receipts are signed with. */
  readonly receiptKeys: () => readonly { readonly keyId: string; readonly publicKey: string }[]
  readonly clock: () => Date
  readonly log: { error(fields: object, message: string): void }
  readonly signIn: SignIn
  /** Aborts when the server closes, so that open streams end. */
  readonly closing: AbortSignal
}
