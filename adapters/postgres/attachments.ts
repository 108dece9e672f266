import type { Pool } from 'pg'
import type { ModelPart } from '../../domain/conversation.ts'
import type { AttachmentStore, FileOutcome, LeftOut } from '../../domain/ports/attachment-store.ts'
import type { Reader } from './transaction.ts'

/** Files of chats in PostgreSQL. */
export function createAttachmentStore(pool: Pool): AttachmentStore {
  return {
    outcome: (message) => outcomeOf(pool, message),
    async settle({ message, outcome }) {
      const file = 'reason' in outcome ? undefined : outcome
      await pool.query(
        `insert into attachment (message, name, media_type, size, bytes, left_out)
         values ($1, $2, $3, $4, $5, $6) on conflict do nothing`,
        [
          ...[message, file?.name ?? null, file?.mediaType ?? null, file?.bytes.length ?? null, file?.bytes ?? null],
          'reason' in outcome ? outcome.reason : null,
        ],
      )
      return (await outcomeOf(pool, message)) as FileOutcome
    },
    async heldBy(taskId) {
      const { rows } = await pool.query<{ files: number; bytes: number }>(HELD, [taskId])
      return rows[0] ?? { files: 0, bytes: 0 }
    },
    parts: (messages) => attachedParts(pool, messages),
    async unread(taskId) {
      const { rows } = await pool.query<{ message: string }>(UNREAD, [taskId])
      return rows.map(({ message }) => Number(message))
    },
  }
}

interface AttachmentRow {
  name: string
  media_type: string
  bytes: Buffer
}

async function outcomeOf(reader: Reader, message: number): Promise<FileOutcome | undefined> {
  const { rows } = await reader.query<{ left_out: LeftOut | null }>(
    'select left_out from attachment where message = $1',
    [message],
  )
  const row = rows[0]
  if (!row) return undefined
  return row.left_out === null ? { type: 'kept' } : { type: 'left-out', reason: row.left_out }
}

/** The numbers a request holds. */
const REQUESTED = `select value::bigint from task, json_array_elements_text(request -> 'attachments') where id = $1`

const HELD = `
  with family as (select id from task where id = $1 or parent_id = $1)
  select count(*)::integer as files, coalesce(sum(size), 0)::integer as bytes from attachment where message in (
    ${REQUESTED}
    union select attachment from message join family on family.id = task_id where attachment is not null)`

const UNREAD = `
  select message from attachment where bytes is not null and message in (
    ${REQUESTED}
    union select attachment from message where task_id = $1 and turn is null and attachment is not null)
  order by message`

/** Files in the order in which they were sent, as the model is shown them. */
export async function attachedParts(reader: Reader, messages: readonly number[]): Promise<readonly ModelPart[]> {
  if (messages.length === 0) return []
  const { rows } = await reader.query<AttachmentRow>(
    'select name, media_type, bytes from attachment where bytes is not null and message = any($1) order by message',
    [messages],
  )
  return rows.flatMap(partsOf)
}

/** Text is shown as text: the model reads it in full, and it costs what its words cost. */
function partsOf({ name, media_type: mimeType, bytes }: AttachmentRow): readonly ModelPart[] {
  if (mimeType === 'text/plain') return [{ text: `Attached file "${name}":\n\n${bytes.toString('utf8')}` }]
  return [{ text: `Attached file "${name}":` }, { inlineData: { mimeType, data: bytes.toString('base64') } }]
}
