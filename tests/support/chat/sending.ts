import { afterEach, beforeEach, expect } from 'vitest'
import { openStore } from '../../../adapters/postgres/store.ts'
import type { Channel } from '../../../domain/ports/channel.ts'
import type { CallbackSender } from '../../../adapters/callback/callback-sender.ts'
import type { Store } from '../../../domain/ports/store.ts'
import { sendOutbox } from '../../../workers/chat/sender.ts'
import { freshDatabase } from '../database.ts'

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

/** A fresh store, and the sender that was started on it last. */
export interface Sending {
  readonly store: Store
  /** URL of the store's database. */
  readonly url: string
  readonly sender: RunningSender | undefined
  start(...channels: readonly Channel[]): RunningSender
  /** Closes these after the test. */
  ends(...services: readonly { close(): Promise<void> }[]): void
}

/** One for each test of a file; whose sender failed, the test has. */
export function useSending(): () => Sending {
  let sending: Sending | undefined
  const services: { close(): Promise<void> }[] = []
  beforeEach(async () => {
    const url = await freshDatabase()
    const store = await openStore({ url, connections: 6 })
    let sender: RunningSender | undefined
    sending = {
      ...{ store, url },
      get sender() {
        return sender
      },
      start: (...channels) => (sender = startSender(store, channels)),
      ends: (...more) => void services.push(...more),
    }
  })
  afterEach(async () => {
    await sending?.sender?.stop()
    expect(sending?.sender?.failures ?? []).toEqual([])
    await Promise.all(services.splice(0).map((one) => one.close()))
    await sending?.store.close()
  })
  return () => {
    if (!sending) throw new Error('No test has begun.')
    return sending
  }
}
