import { createHash } from 'node:crypto'
import type { Pool } from 'pg'
import type { ChatAddress, ChatMessage, ChannelName, ReachedAddress } from '../../domain/chat/message.ts'
import { GatewayError } from '../../domain/errors.ts'
import type { ChatStore, NewMessage, StoredMessage } from '../../domain/ports/chat-store.ts'
import { OUTBOX_TOPIC } from './notifications.ts'
import { taskOf, type TaskRow } from './task-rows.ts'
import { inTransaction, type Transaction } from './transaction.ts'

interface MessageRow {
  number: string
  conversation: string
  message: ChatMessage
  handled_at: Date | null
  age_ms: number
}

/** Columns of a conversation that say where it is. */
export interface AddressRow {
  channel: ChannelName
  chat: string
  thread: string
  reach: string | null
}

interface ConversationRow extends AddressRow {
  id: string
  repository: string | null
}

/** The inbox of chats in PostgreSQL. */
export function createChatStore(pool: Pool): ChatStore {
  return {
    receive: (messages) => inTransaction(pool, (transaction) => receive(transaction, messages)),
    async neglected({ olderThanMs, limit }) {
      const { rows } = await pool.query<{ conversation: string }>(
        `select distinct conversation from chat_message where handled_at is null
           and received_at < now() - make_interval(secs => $1 / 1000.0) limit $2`,
        [olderThanMs, limit],
      )
      return rows.map(({ conversation }) => conversation)
    },
    async next(conversation) {
      const { rows } = await pool.query<MessageRow>(
        `select *, ${AGE} from chat_message where conversation = $1 and handled_at is null order by place, number limit 1`,
        [conversation],
      )
      return rows[0] && storedOf(rows[0])
    },
    async message(number) {
      const { rows } = await pool.query<MessageRow>(`select *, ${AGE} from chat_message where number = $1`, [number])
      return rows[0] && storedOf(rows[0])
    },
    async markHandled(number) {
      await pool.query('update chat_message set handled_at = coalesce(handled_at, now()) where number = $1', [number])
    },
    async conversation(id) {
      const { rows } = await pool.query<ConversationRow>('select * from chat_conversation where id = $1', [id])
      const row = rows[0]
      if (!row) throw new GatewayError('not_found', `There is no conversation ${id}.`)
      return { id, address: addressOf(row), ...(row.repository !== null && { repository: row.repository }) }
    },
    async chooseRepository({ conversation, repository }) {
      await pool.query('update chat_conversation set repository = $2 where id = $1', [conversation, repository])
    },
    async followPerson({ channel, from, to }) {
      const { rows } = await pool.query<{ id: string }>(
        'select id from chat_conversation where channel = $1 and chat = any($2)',
        [channel, from],
      )
      for (const { id } of rows) await moveChat(pool, { conversation: id, chat: to.id })
    },
    moveChat: (move) => moveChat(pool, move),
    async tasks({ conversation, limit }) {
      const { rows } = await pool.query<TaskRow>(
        `select task.* from follower join task on task.id = follower.task_id
         where follower.conversation = $1 order by follower.task_id desc limit $2`,
        [conversation, limit],
      )
      return rows.map(taskOf)
    },
  }
}

async function moveChat(pool: Pool, { conversation, chat }: Parameters<ChatStore['moveChat']>[0]): Promise<void> {
  // Messages from there may have come already: then they began a conversation of their own, which ends here.
  await pool.query(
    `update chat_conversation as old set chat = $2, reach = null where id = $1
       and not exists (select 1 from chat_conversation other where other.channel = old.channel and other.chat = $2 and other.thread = old.thread)`,
    [conversation, chat],
  )
  await pool.query('update chat_conversation set reach = $2 where id = $1 and chat <> $2', [conversation, chat])
}

export const addressOf = ({ channel, chat, thread, reach }: AddressRow): ReachedAddress => ({
  channel,
  chat,
  ...(thread !== '' && { thread }),
  ...(reach !== null && { reach }),
})

const AGE = '(extract(epoch from now() - received_at) * 1000)::float8 as age_ms'

const storedOf = (row: MessageRow): StoredMessage => ({
  ...row.message,
  number: Number(row.number),
  conversation: row.conversation,
  isHandled: row.handled_at !== null,
  ageMs: row.age_ms,
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

/**
 * Id of the conversation at an address, begun when there is none. Another process may begin the same one at the same
 * moment: whichever of its names it takes first, its row is waited for and found.
 */
async function conversationOf(transaction: Transaction, message: ChatMessage): Promise<string> {
  const { channel, chat, thread = '', reach = null } = message
  for (;;) {
    const known = await transaction.query<{ id: string }>(
      `update chat_conversation set reach = coalesce($4, reach) where channel = $1 and chat = $2 and thread = $3 returning id`,
      [channel, chat, thread, reach],
    )
    if (known.rows[0]) return known.rows[0].id
    const begun = await transaction.query<{ id: string }>(
      `insert into chat_conversation (id, channel, chat, thread, reach) values (${FREE_ID}, $2, $3, $4, $5)
       on conflict do nothing returning id`,
      [conversationId(message), channel, chat, thread, reach],
    )
    if (begun.rows[0]) return begun.rows[0].id
  }
}

async function receive(transaction: Transaction, messages: readonly ChatMessage[]): Promise<readonly NewMessage[]> {
  const fresh: NewMessage[] = []
  for (const message of messages) {
    const id = await conversationOf(transaction, message)
    const { rowCount } = await transaction.query(
      `insert into chat_message (channel, id, conversation, place, message) values ($1, $2, $3, $4, $5) on conflict do nothing`,
      [message.channel, message.id, id, message.place, JSON.stringify(message)],
    )
    if (rowCount === 1) fresh.push({ ...message, conversation: id })
  }
  // Who has written can be written to again.
  if (fresh.length > 0)
    transaction.write(
      `with released as (
         update outbox set due_at = now(), released_at = now() where state = 'pending' and due_at = 'infinity' and conversation = any($1) returning 1)
       select pg_notify('task_event', $2) from released limit 1`,
      [fresh.map(({ conversation }) => conversation), OUTBOX_TOPIC],
    )
  return fresh
}
