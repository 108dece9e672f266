import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import type { Logger } from 'pino'
import { callerOf } from '../../activities/chat/known-sender.ts'
import type { ChatAccess } from '../../domain/chat/access.ts'
import { isForOthers } from '../../domain/chat/meaning.ts'
import type { ChannelName, ChatMessage } from '../../domain/chat/message.ts'
import { TASK_QUEUES } from '../../domain/contracts.ts'
import type { Channel, Received } from '../../domain/ports/channel.ts'
import type { Store } from '../../domain/ports/store.ts'
import type { converse } from '../../workflows/converse.ts'
import { conversationWokenSignal } from '../../workflows/messages.ts'

/** A signal tried at once had this long; after it the conversation is woken again, and as often. */
const NEGLECT_MS = 3_000
const PAGE = 100

export interface ChatInbox {
  /**
   * Makes durable what channels bring, acknowledges it in the chat, and wakes the conversations; a lost wake is repeated by
   * {@link ChatInbox.sweep}.
   */
  take(received: Received): Promise<void>
  /** Wakes conversations with messages nobody has handled, until the signal. */
  sweep(signal: AbortSignal): Promise<void>
}

/** The way of a message from its channel to its conversation. */
export function createChatInbox(parts: {
  readonly store: Store
  readonly client: Pick<Client, 'workflow'>
  readonly channels: ReadonlyMap<ChannelName, Channel>
  readonly access: ChatAccess
  readonly logger: Logger
}): ChatInbox {
  const { store, client, channels, access, logger } = parts
  /** Here, before anything that costs time: who writes sees at once that it was heard. Strangers who write see nothing. */
  const acknowledge = async (message: ChatMessage): Promise<void> => {
    const channel = channels.get(message.channel)
    if (!channel || isForOthers(message, channel.botName)) return
    // A button turns until it is answered, whoever pressed it; that tells nobody anything.
    const mayKnow = message.press !== undefined || (await callerOf({ chatUsers: store.chatUsers, access }, message))
    if (mayKnow) await channel.acknowledge(message)
  }
  /** Whether a channel that reports closed windows can ask people to write. */
  const invites = () => [...channels.values()].some(({ traits }) => traits.invites)
  const wake = async (conversation: string): Promise<void> => {
    await client.workflow.signalWithStart<typeof converse>('converse', {
      workflowId: conversation,
      taskQueue: TASK_QUEUES.manager,
      args: [{ conversation }],
      signal: conversationWokenSignal,
      staticSummary: 'One conversation of a chat',
    })
  }
  const wakeAll = (conversations: Iterable<string>): void => {
    for (const conversation of conversations)
      wake(conversation).catch((error: unknown) => {
        logger.warn({ conversation, reason: String(error) }, 'a conversation could not be woken; it is repeated')
      })
  }
  return {
    async take({ messages, reports, identities = [] }) {
      // First: what comes along is said under the new id already.
      for (const change of identities) {
        await store.chatUsers.follow(change)
        await store.chats.follow(change)
      }
      const fresh = messages.length > 0 ? await store.chats.receive(messages) : []
      for (const message of fresh)
        acknowledge(message).catch((error: unknown) => {
          logger.warn({ conversation: message.conversation, reason: String(error) }, 'a message was not acknowledged')
        })
      wakeAll(new Set(fresh.map(({ conversation }) => conversation)))
      const doubled = reports.length > 0 ? await store.outbox.report(reports) : []
      for (const post of doubled) logger.warn({ code: 'delivery_doubled', post }, 'a message arrived twice')
      for (const { outcome, reference } of reports)
        if (outcome === 'out-of-window' && invites()) await store.outbox.invite({ id: reference })
    },
    async sweep(signal) {
      while (!signal.aborted) {
        await delay(NEGLECT_MS, undefined, { signal }).catch(() => undefined)
        await store.chats.neglected({ olderThanMs: NEGLECT_MS, limit: PAGE }).then(wakeAll, (error: unknown) => {
          if (!signal.aborted)
            logger.warn({ reason: String(error) }, 'the inbox of chats could not be read; it is repeated')
        })
      }
    },
  }
}
