import { createHash } from 'node:crypto'
import type { Pool } from 'pg'
import type { ChatAddress, ChatMessage, ChannelName, ReachedAddress } from '../../domain/chat/message.ts'
import type { ChatStore } from '../../domain/ports/chat-store.ts'
import { followToNewIds } from './chat-users.ts'
import type { Transaction } from './transaction.ts'

/** Columns of a conversation that say where it is. */
export interface AddressRow {
  channel: ChannelName
  chat: string
  thread: string
  reach: string | null
}

export const addressOf = ({ channel, chat, thread, reach }: AddressRow): ReachedAddress => ({
  channel,
  chat,
  ...(thread !== '' && { thread }),
  ...(reach !== null && { reach }),
})

/** A name that tells nobody who writes there: it stands in Temporal. */
const conversationId = ({ channel, chat, thread = '' }: ChatAddress): string =>
  `conversation-${createHash('sha256')
    .update(JSON.stringify([channel, chat, thread]))
    .digest('hex')
    .slice(0, 24)}`

/** A conversation that moved away keeps its id; whoever gets the old address begins another one. */
const FREE_ID = `case when exists (select 1 from chat_conversation where id = $1)
  then $1 || '-' || substr(md5(random()::text), 1, 8) else $1 end`

type Reached = Pick<ChatMessage, 'channel' | 'chat' | 'thread' | 'reach' | 'sender'>

/**
 * Id of the conversation at an address, begun when there is none. Another process may begin the same one at the same
 * moment: whichever of its names it takes first, its row is waited for and found.
 */
export async function conversationOf(transaction: Transaction, message: Reached): Promise<string> {
  const known = await conversationAt(transaction, message)
  if (known !== undefined) return known
  // Whoever begins it, or moves another one here, does so alone.
  await transaction.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [conversationId(message)])
  for (;;) {
    const id =
      (await conversationAt(transaction, message)) ??
      (await followedByNumber(transaction, message)) ??
      (await begun(transaction, message))
    if (id !== undefined) return id
  }
}

interface Identified {
  id: string
}

const valuesOf = ({ channel, chat, thread = '', reach }: Reached) => [channel, chat, thread, reach ?? null]

async function conversationAt(transaction: Transaction, message: Reached): Promise<string | undefined> {
  const { rows } = await transaction.query<Identified>(
    `update chat_conversation set reach = coalesce($4, reach) where channel = $1 and chat = $2 and thread = $3 returning id`,
    valuesOf(message),
  )
  return rows[0]?.id
}

/** Who was known by the number alone until now has a scoped id from this message on. */
async function followedByNumber(transaction: Transaction, message: Reached): Promise<string | undefined> {
  const { channel, chat, sender } = message
  if (sender.alias === undefined || chat !== sender.id) return undefined
  const { rows } = await transaction.query<Identified>(
    `update chat_conversation set chat = $2, reach = coalesce($4, reach) where channel = $1 and chat = $5 and thread = $3
     returning id`,
    [...valuesOf(message), sender.alias],
  )
  if (rows[0]) await followToNewIds(transaction, { channel, from: [sender.alias], to: sender })
  return rows[0]?.id
}

async function begun(transaction: Transaction, message: Reached): Promise<string | undefined> {
  const { rows } = await transaction.query<Identified>(
    `insert into chat_conversation (id, channel, chat, thread, reach) values (${FREE_ID}, $2, $3, $4, $5)
     on conflict do nothing returning id`,
    [conversationId(message), ...valuesOf(message)],
  )
  return rows[0]?.id
}

export async function moveChat(
  pool: Pool,
  { conversation, chat }: Parameters<ChatStore['moveChat']>[0],
): Promise<void> {
  // Messages from there may have come already: then they began a conversation of their own, which ends here.
  await pool.query(
    `update chat_conversation as old set chat = $2, reach = null where id = $1
       and not exists (select 1 from chat_conversation other where other.channel = old.channel and other.chat = $2 and other.thread = old.thread)`,
    [conversation, chat],
  )
  await pool.query('update chat_conversation set reach = $2 where id = $1 and chat <> $2', [conversation, chat])
}
