import type { Pool } from 'pg'
import type { ChatMessage } from '../../domain/chat/message.ts'
import { GatewayError } from '../../domain/errors.ts'
import type { ChatStore, NewMessage, StoredMessage } from '../../domain/ports/chat-store.ts'
import { addressOf, conversationOf, moveChat, type AddressRow } from './chat-addresses.ts'
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
    async follow({ channel, from, to }) {
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

const AGE = '(extract(epoch from now() - received_at) * 1000)::float8 as age_ms'

const storedOf = (row: MessageRow): StoredMessage => ({
  ...row.message,
  number: Number(row.number),
  conversation: row.conversation,
  isHandled: row.handled_at !== null,
  ageMs: row.age_ms,
})

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
