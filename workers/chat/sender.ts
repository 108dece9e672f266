import { setTimeout as delay } from 'node:timers/promises'
import type { ChannelName } from '../../domain/chat/message.ts'
import { UNREACHED_LIMIT_MS } from '../../domain/limits.ts'
import { plain } from '../../domain/chat/styled-text.ts'
import type { CallbackSender } from '../../adapters/callback/callback-sender.ts'
import type { Channel, Delivery } from '../../domain/ports/channel.ts'
import type { ClaimedPost, OutboxTarget, Outcome, Post } from '../../domain/ports/outbox.ts'
import type { Store } from '../../domain/ports/store.ts'
import { Wakeable } from '../wakeable.ts'
import { pauseAfter, ServiceHealth } from './service-health.ts'

/** What is due but waits for another is looked for this often. */
const LOOK_EVERY_MS = 250
/** A notification that got lost is made up for after this time. */
const LOOK_AT_LEAST_MS = 5_000
/** A report that nobody took comes again after half a minute at first, then after twice as long each time, up to an hour. */
const FIRST_REPEAT_MS = 35_000
const LONGEST_REPEAT_MS = 3_700_000
/** A database that is started again answers within this time; later somebody else may send in our place. */
const STORE_LIMIT_MS = 10_000
const STORE_PAUSE_MS = 500
/** Of a channel that is not configured. */
const UNCONFIGURED_PAUSE_MS = 60_000

/** Why a post is unknown that was in flight when its gateway ended. */
export const INTERRUPTED = 'the gateway was ended while it was sent'

export interface SenderOptions {
  readonly store: Store
  readonly channels: ReadonlyMap<ChannelName, Channel>
  readonly callbacks: CallbackSender
  readonly clock: () => Date
  readonly onFailure: (error: unknown) => void
  /** Hears of each post of which nobody will know whether it arrived, and how many there are in all. */
  readonly onUnknown: (unknown: { readonly post: Post; readonly reason: string; readonly total: number }) => void
}

/** Sends what stands in the outbox, until the signal. One process at a time does this. */
export async function sendOutbox(options: SenderOptions, signal: AbortSignal): Promise<void> {
  const targets: readonly OutboxTarget[] = [...options.channels.keys(), 'callback']
  await Promise.all(targets.map((target) => sendTo(target, options, signal)))
}

async function sendTo(target: OutboxTarget, options: SenderOptions, signal: AbortSignal): Promise<void> {
  const { store, channels, clock } = options
  const loop = new Wakeable()
  const unsubscribe = await store.outbox.subscribe(loop.wake)
  const inFlight = new Set<Promise<void>>()
  // What stands as `sending` and is not in flight here was left by a predecessor, or by a store that failed meanwhile.
  let mayBeInterrupted = true
  const service = new ServiceHealth(target === 'callback' ? undefined : channels.get(target), clock)
  const onFailure = (error: unknown) => {
    mayBeInterrupted = true
    options.onFailure(error)
  }
  const work = async (): Promise<number | undefined> => {
    if (mayBeInterrupted) {
      if (inFlight.size > 0) return undefined
      await settleInterrupted(target, options)
      mayBeInterrupted = false
    }
    const restMs = await service.restMs(signal)
    if (restMs > 0) return restMs
    while (inFlight.size < service.room && !signal.aborted) {
      const claimed = await store.outbox.claim(target)
      if (!claimed) {
        const dueInMs = (await store.outbox.dueInMs(target)) ?? LOOK_AT_LEAST_MS
        return Math.min(Math.max(dueInMs, LOOK_EVERY_MS), LOOK_AT_LEAST_MS)
      }
      const sending: Promise<void> = sendOne(claimed, target, options)
        .then((delivery) => service.note(delivery))
        .catch(onFailure)
        .finally(() => {
          inFlight.delete(sending)
          loop.wake()
        })
      inFlight.add(sending)
    }
    return undefined
  }
  await loop.run({ everyMs: LOOK_EVERY_MS, work, onFailure }, signal)
  unsubscribe()
  await Promise.all(inFlight)
}

/** These may have been sent or not. */
async function settleInterrupted(target: OutboxTarget, options: SenderOptions): Promise<void> {
  const { store, channels } = options
  for (const claimed of await store.outbox.interrupted(target)) {
    const { post, claimedMs } = claimed
    const reason = INTERRUPTED
    const channel = target === 'callback' ? undefined : channels.get(target)
    const outcome: Outcome =
      post.type === 'edit' || post.type === 'callback'
        ? { state: 'pending', reason, afterMs: 0 }
        : channel?.reconciliation === 'reported'
          ? { state: 'sending', reason, afterMs: reportRepeatedWithin(claimedMs) }
          : { state: 'unknown', reason }
    await settle(options, claimed, outcome)
  }
}

/** Each pause of the service is as long as all before it and the first once more: so it is after what was missed here. */
const reportRepeatedWithin = (missedMs: number): number => Math.min(missedMs + FIRST_REPEAT_MS, LONGEST_REPEAT_MS)

/** Who did not hear of it by then waits longer after the next attempt: each of them may be a second copy. */
const reportedWithin = (attempt: number): number => Math.min(FIRST_REPEAT_MS * 2 ** (attempt - 1), LONGEST_REPEAT_MS)

async function sendOne(claimed: ClaimedPost, target: OutboxTarget, options: SenderOptions): Promise<Delivery> {
  const { store } = options
  const delivery = await deliver(claimed, target, options).catch((error: unknown): Delivery => {
    options.onFailure(error)
    return { type: 'later', reason: 'the gateway failed on it' }
  })
  if (delivery.type === 'moved' && claimed.post.type !== 'callback')
    await store.chats.moveChat({ conversation: claimed.post.conversation, chat: delivery.chat })
  const channel = target === 'callback' ? undefined : options.channels.get(target)
  await settlePatiently(options, claimed, outcomeOf(delivery, { claimed, channel, now: options.clock() }))
  if (delivery.type === 'out-of-window' && channel?.reengage) await store.outbox.invite(claimed.post)
  return delivery
}

async function deliver(claimed: ClaimedPost, target: OutboxTarget, options: SenderOptions): Promise<Delivery> {
  const { post, to, providerId } = claimed
  if (post.type === 'callback') return options.callbacks.send(post)
  const channel = target === 'callback' ? undefined : options.channels.get(target)
  if (!channel || !to) return { type: 'later', reason: 'its channel is not configured', afterMs: UNCONFIGURED_PAUSE_MS }
  if (post.type === 'invitation')
    return (
      channel.reengage?.({ to, reference: post.id, about: post.about }) ?? { type: 'refused', reason: 'no template' }
    )
  const { text, buttons } = post
  if (post.type === 'edit')
    return providerId === undefined
      ? { type: 'refused', reason: 'its message was never sent' }
      : channel.edit({ to, text, buttons, providerId })
  const { id: reference, silent = false, replyTo } = post
  return channel.send({ to, text, buttons, reference, silent, replyTo })
}

interface Tried {
  readonly claimed: ClaimedPost
  readonly channel: Channel | undefined
  readonly now: Date
}

function outcomeOf(delivery: Delivery, { claimed, channel, now }: Tried): Outcome {
  const { post, attempt, since } = claimed
  const pause = pauseAfter(attempt)
  const isGivenUp = now.getTime() - Date.parse(since) > UNREACHED_LIMIT_MS
  switch (delivery.type) {
    case 'sent':
      return post.type === 'edit' || post.type === 'callback'
        ? { state: 'sent' }
        : { state: 'sent', providerId: delivery.providerId }
    case 'refused':
      return { state: 'failed', reason: delivery.reason }
    case 'out-of-window':
      return { state: 'pending', reason: 'the person has not written for a day', afterMs: 'forever' }
    case 'moved':
      return { state: 'pending', reason: 'the chat moved', afterMs: 0 }
    case 'later':
      if (isGivenUp) return { state: 'failed', reason: delivery.reason }
      return { state: 'pending', reason: delivery.reason, afterMs: delivery.afterMs ?? pause }
    case 'unknown':
      // The same change twice is one change.
      if (post.type === 'edit') return { state: 'pending', reason: delivery.reason, afterMs: pause }
      if (isGivenUp || channel?.reconciliation !== 'reported') return { state: 'unknown', reason: delivery.reason }
      return { state: 'sending', reason: delivery.reason, afterMs: reportedWithin(attempt) }
  }
}

type Settled = Pick<ClaimedPost, 'post' | 'attempt' | 'to'>

/** What is known of a message must not be lost with a store that is away for a moment. */
async function settlePatiently(options: SenderOptions, settled: Settled, outcome: Outcome): Promise<void> {
  const givenUpAt = options.clock().getTime() + STORE_LIMIT_MS
  for (;;)
    try {
      return await settle(options, settled, outcome)
    } catch (error) {
      if (options.clock().getTime() > givenUpAt) throw error
      options.onFailure(error)
      await delay(STORE_PAUSE_MS)
    }
}

async function settle(options: SenderOptions, { post, attempt, to }: Settled, outcome: Outcome): Promise<void> {
  const { store, channels, onUnknown } = options
  const settled = await store.outbox.settle({ id: post.id, attempt, outcome })
  if (!settled || outcome.state !== 'unknown') return
  const { unknown: total = 0 } = await store.outbox.counts()
  onUnknown({ post, reason: outcome.reason, total })
  if (to && channels.get(to.channel)?.traits.edits) await sayUnknown(store, post)
}

/** Nobody may be told twice; the card, which may be changed as often as one likes, says what to do. */
async function sayUnknown({ outbox }: Store, post: Post): Promise<void> {
  if (post.type !== 'message' || post.taskId === undefined || post.id === `${post.taskId}/card`) return
  const { taskId, conversation } = post
  const text = plain(`⚠ I cannot tell whether my last message about ${taskId} reached you. /status ${taskId} shows it.`)
  const buttons = [{ title: 'Status', command: `/status ${taskId}` }]
  await outbox.post([{ type: 'edit', id: `${taskId}/card/edit`, of: `${taskId}/card`, conversation, text, buttons }])
}
