import type { ChannelName } from '../../domain/chat/message.ts'
import { plain } from '../../domain/chat/styled-text.ts'
import type { CallbackSender } from '../../adapters/callback/callback-sender.ts'
import type { Channel, Delivery } from '../../domain/ports/channel.ts'
import type { ClaimedPost, OutboxTarget, Outcome, Post } from '../../domain/ports/outbox.ts'
import type { Store } from '../../domain/ports/store.ts'
import { Wakeable } from '../wakeable.ts'

/** Enough to keep the way busy; more only makes a slow service slower. */
const IN_FLIGHT = 2
/** What is due but waits for another is looked for this often. */
const LOOK_EVERY_MS = 250
/** A notification that got lost is made up for after this time. */
const LOOK_AT_LEAST_MS = 5_000
/** A channel that echoes references has reported what it took by then. */
const REPORT_LIMIT_MS = 10_000
/** As above after a restart: what was reported meanwhile comes again, after half a minute and a minute. */
const REPORT_LIMIT_AFTER_RESTART_MS = 100_000
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 60_000
/** Whoever is not reached for three days does not wait for an answer any more. */
const GIVE_UP_MS = 3 * 86_400_000

export interface SenderOptions {
  readonly store: Store
  readonly channels: ReadonlyMap<ChannelName, Channel>
  readonly callbacks: CallbackSender
  readonly clock: () => Date
  readonly onFailure: (error: unknown) => void
}

/** Sends what stands in the outbox, until the signal. One process at a time does this. */
export async function sendOutbox(options: SenderOptions, signal: AbortSignal): Promise<void> {
  const targets: readonly OutboxTarget[] = [...options.channels.keys(), 'callback']
  await Promise.all(targets.map((target) => sendTo(target, options, signal)))
}

async function sendTo(target: OutboxTarget, options: SenderOptions, signal: AbortSignal): Promise<void> {
  const { store, onFailure } = options
  await settleInterrupted(target, options)
  const loop = new Wakeable()
  const unsubscribe = await store.outbox.subscribe(loop.wake)
  const inFlight = new Set<Promise<void>>()
  const work = async (): Promise<number | undefined> => {
    while (inFlight.size < IN_FLIGHT && !signal.aborted) {
      const claimed = await store.outbox.claim(target)
      if (!claimed) {
        const dueInMs = (await store.outbox.dueInMs(target)) ?? LOOK_AT_LEAST_MS
        return Math.min(Math.max(dueInMs, LOOK_EVERY_MS), LOOK_AT_LEAST_MS)
      }
      const sending: Promise<void> = sendOne(claimed, target, options)
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

/** The predecessor may have sent these or not. */
async function settleInterrupted(target: OutboxTarget, { store, channels }: SenderOptions): Promise<void> {
  for (const { post, attempt } of await store.outbox.interrupted(target)) {
    const reason = 'the gateway was ended while it was sent'
    const channel = target === 'callback' ? undefined : channels.get(target)
    const outcome: Outcome =
      post.type !== 'message'
        ? { state: 'pending', reason, afterMs: 0 }
        : channel?.reconciliation === 'reported'
          ? { state: 'sending', reason, afterMs: REPORT_LIMIT_AFTER_RESTART_MS }
          : { state: 'unknown', reason }
    await settle(store, { post, attempt }, outcome)
  }
}

async function sendOne(claimed: ClaimedPost, target: OutboxTarget, options: SenderOptions): Promise<void> {
  const { store } = options
  const delivery = await deliver(claimed, target, options).catch((error: unknown): Delivery => {
    options.onFailure(error)
    return { type: 'later', reason: 'the gateway failed on it' }
  })
  if (delivery.type === 'moved' && claimed.post.type !== 'callback')
    await store.chats.moveChat({ conversation: claimed.post.conversation, chat: delivery.chat })
  const channel = target === 'callback' ? undefined : options.channels.get(target)
  await settle(store, claimed, outcomeOf(delivery, { claimed, channel, now: options.clock() }))
}

async function deliver(claimed: ClaimedPost, target: OutboxTarget, options: SenderOptions): Promise<Delivery> {
  const { post, providerId } = claimed
  if (post.type === 'callback') return options.callbacks.send(post)
  const channel = target === 'callback' ? undefined : options.channels.get(target)
  if (!channel) return { type: 'later', reason: 'its channel is not configured', afterMs: LONGEST_PAUSE_MS }
  const { address: to } = await options.store.chats.conversation(post.conversation)
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
  const { post, attempt, createdAt } = claimed
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS)
  switch (delivery.type) {
    case 'sent':
      return post.type === 'message' ? { state: 'sent', providerId: delivery.providerId } : { state: 'sent' }
    case 'refused':
      return { state: 'failed', reason: delivery.reason }
    case 'out-of-window':
      return { state: 'pending', reason: 'the person has not written for a day', afterMs: 'forever' }
    case 'moved':
      return { state: 'pending', reason: 'the chat moved', afterMs: 0 }
    case 'later':
      if (now.getTime() - Date.parse(createdAt) > GIVE_UP_MS) return { state: 'failed', reason: delivery.reason }
      return { state: 'pending', reason: delivery.reason, afterMs: delivery.afterMs ?? pause }
    case 'unknown':
      // The same change twice is one change.
      if (post.type === 'edit') return { state: 'pending', reason: delivery.reason, afterMs: pause }
      if (channel?.reconciliation !== 'reported') return { state: 'unknown', reason: delivery.reason }
      return { state: 'sending', reason: delivery.reason, afterMs: REPORT_LIMIT_MS }
  }
}

async function settle(store: Store, { post, attempt }: Pick<ClaimedPost, 'post' | 'attempt'>, outcome: Outcome) {
  const settled = await store.outbox.settle({ id: post.id, attempt, outcome })
  if (settled && outcome.state === 'unknown') await sayUnknown(store, post)
}

/** Nobody may be told twice; the card, which may be changed as often as one likes, says what to do. */
async function sayUnknown({ outbox }: Store, post: Post): Promise<void> {
  if (post.type !== 'message' || post.taskId === undefined || post.id === `${post.taskId}/card`) return
  const { taskId, conversation } = post
  const text = plain(`⚠ I cannot tell whether my last message about ${taskId} reached you. /status ${taskId} shows it.`)
  const buttons = [{ title: 'Status', command: `/status ${taskId}` }]
  await outbox.post([{ type: 'edit', id: `${taskId}/card/edit`, of: `${taskId}/card`, conversation, text, buttons }])
}
