import type { CallArguments } from './arguments.ts'
import type { RateLimits } from './limits.ts'
import type { UpdateQueue } from './updates.ts'
import type { Webhook } from './webhook.ts'
import type { World } from './world.ts'

/** What the methods of the API work with. */
export interface Desk {
  readonly world: World
  readonly queue: UpdateQueue
  readonly webhook: Webhook
  /** Absent when the rate limits are switched off. */
  readonly limits: RateLimits | undefined
  /** How long a callback query can be answered. */
  readonly callbackMs: number
  commands: readonly { readonly command: string; readonly description: string }[]
}

/** A method: what it gives is the `result`; with `Described` also a `description`. Throws the service's refusal. */
export type Method = (desk: Desk, call: CallArguments, left: AbortSignal) => unknown

/** A result with a word about it, as the webhook's methods answer. */
export class Described {
  constructor(
    readonly result: unknown,
    readonly description: string,
  ) {}
}
