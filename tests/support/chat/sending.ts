import type { Channel } from '../../../domain/ports/channel.ts'
import type { CallbackSender } from '../../../adapters/callback/callback-sender.ts'
import type { Store } from '../../../domain/ports/store.ts'
import { sendOutbox } from '../../../workers/chat/sender.ts'

export interface RunningSender {
  readonly failures: readonly unknown[]
  /** Ids of the posts nobody will know of. */
  readonly unknown: readonly string[]
  stop(): Promise<void>
}

/** A gateway's sender on a store, as the one process that leads. */
export function startSender(
  store: Store,
  channels: readonly Channel[],
  callbacks: CallbackSender = { send: () => Promise.resolve({ type: 'refused', reason: 'no callbacks here' }) },
): RunningSender {
  const stopping = new AbortController()
  const failures: unknown[] = []
  const unknown: string[] = []
  const running = sendOutbox(
    {
      ...{ store, callbacks, channels: new Map(channels.map((channel) => [channel.name, channel])) },
      ...{ clock: () => new Date(), onFailure: (error: unknown) => void failures.push(error) },
      onUnknown: (one) => void unknown.push(one.post.id),
    },
    stopping.signal,
  )
  return {
    failures,
    unknown,
    async stop() {
      stopping.abort()
      await running
    },
  }
}
