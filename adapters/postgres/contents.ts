import type { ModelContent, ModelPart } from '../../domain/conversation.ts'
import { MAX_CONVERSATION_BYTES, KEPT_CONVERSATION_BYTES, MAX_SAID_BYTES } from '../../domain/limits.ts'
import {
  extendSnapshot,
  snapshotContent,
  turnsToLeave,
  type PastTurn,
  type StateSnapshot,
} from '../../domain/state-snapshot.ts'
import type { PlanItem } from '../../domain/task.ts'
import { attachedParts } from './attachments.ts'
import type { Transaction } from './transaction.ts'

interface TurnRow {
  number: number
  parts: ModelPart[]
}
interface ResponseRow {
  turn: number
  id: string
  name: string
  response: Record<string, unknown>
}
interface MessageRow {
  turn: number
  text: string
  attachment: string | null
}
interface SnapshotRow {
  snapshot: StateSnapshot
  plan: PlanItem[]
}

interface Asked {
  readonly taskId: string
  readonly turn: number
}

/** A former turn with what the model was told in return, and what stood before it. */
interface ToldTurn extends PastTurn {
  readonly responses: readonly ResponseRow[]
  /** Files that came with the messages. */
  readonly files: readonly ModelPart[]
}

/**
 * The conversation before a turn, without the first user content: for each former turn the model's parts as they
 * came, all its function responses in one user content in the order of the calls, then the messages bound to the next
 * turn as a user content of their own. When it has grown too long its oldest turns give way to a snapshot, which stays.
 */
export async function contentsBefore(transaction: Transaction, asked: Asked): Promise<readonly ModelContent[]> {
  const { turns, latest, snapshot } = await readConversation(transaction, asked)
  const sizes = turns.map((turn) => Buffer.byteLength(JSON.stringify(contentsOf({ ...turn, files: [] }))))
  const last = saidContent(latest)
  const known = snapshot ? [snapshotContent(snapshot.snapshot, snapshot.plan)] : []
  if (sizes.reduce((sum, size) => sum + size, 0) <= MAX_CONVERSATION_BYTES)
    return [...known, ...turns.flatMap(contentsOf), ...last]
  const leaving = turnsToLeave(sizes, KEPT_CONVERSATION_BYTES)
  const next = extendSnapshot(snapshot?.snapshot, turns.slice(0, leaving))
  const { rows } = await transaction.query<{ plan: PlanItem[] }>(KEEP_SNAPSHOT, [asked.taskId, JSON.stringify(next)])
  const kept = turns.slice(leaving).map((turn) => (turns.length - leaving === 1 ? withShortResponses(turn) : turn))
  return [snapshotContent(next, rows[0]?.plan ?? []), ...kept.flatMap(contentsOf), ...last]
}

const KEEP_SNAPSHOT = `
  with kept as (
    insert into snapshot (task_id, snapshot) values ($1, $2) on conflict (task_id) do update set snapshot = $2)
  select plan from task where id = $1`

const BEYOND = `coalesce((select (snapshot ->> 'throughTurn')::integer from snapshot where task_id = $1), 0)`

async function readConversation(transaction: Transaction, { taskId, turn: asked }: Asked) {
  const values = [taskId, asked]
  const [turns, responses, messages, snapshots] = await Promise.all([
    transaction.query<TurnRow>(
      `select number, parts from turn
       where task_id = $1 and number < $2 and number > ${BEYOND} and parts is not null order by number`,
      values,
    ),
    transaction.query<ResponseRow>(
      `select turn, id, name, response from tool_call
       where task_id = $1 and turn < $2 and turn > ${BEYOND} order by turn, position`,
      values,
    ),
    transaction.query<MessageRow>(
      `select turn, text, attachment from message where task_id = $1 and turn <= $2 and turn > ${BEYOND} order by number`,
      values,
    ),
    transaction.query<SnapshotRow>('select snapshot, plan from snapshot join task on id = task_id where task_id = $1', [
      taskId,
    ]),
  ])
  const saidBefore = async (turn: number): Promise<Said> => {
    const said = messages.rows.filter((row) => row.turn === turn)
    const attached = said.flatMap(({ attachment }) => (attachment === null ? [] : [Number(attachment)]))
    return { messages: said.map(({ text }) => text), files: await attachedParts(transaction, attached) }
  }
  return {
    turns: await Promise.all(
      turns.rows.map(async ({ number, parts }): Promise<ToldTurn> => ({
        number,
        parts,
        responses: responses.rows.filter((row) => row.turn === number),
        ...(await saidBefore(number)),
      })),
    ),
    latest: await saidBefore(asked),
    snapshot: snapshots.rows[0],
  }
}

function contentsOf({ parts, responses, ...said }: ToldTurn): ModelContent[] {
  const calls = parts.flatMap((part) => part.functionCall ?? [])
  // Older models give no ids; then the order alone pairs calls and responses. The name is the one the model called by.
  const told = responses.map(({ id, name, response }, place) => ({
    functionResponse: { ...(id !== '' && { id }), name: calls[place]?.name ?? name, response },
  }))
  return [
    ...saidContent(said),
    { role: 'model', parts },
    ...(told.length === 0 ? [] : [{ role: 'user' as const, parts: told }]),
  ]
}

type Said = Pick<ToldTurn, 'messages' | 'files'>

const saidContent = ({ messages, files }: Said): ModelContent[] =>
  messages.length === 0
    ? []
    : [{ role: 'user', parts: [...shortMessages(messages).map((text) => ({ text })), ...files] }]

/** A paused task can be told more than a request holds. */
function shortMessages(messages: readonly string[]): readonly string[] {
  if (messages.reduce((sum, text) => sum + Buffer.byteLength(text), 0) <= MAX_SAID_BYTES) return messages
  const share = Math.floor(MAX_SAID_BYTES / messages.length)
  return messages.map((text) => shortened(text, { share, why: 'too much was said at once' }))
}

/** One turn of very many calls may alone be too much: each response keeps its share. */
function withShortResponses(turn: ToldTurn): ToldTurn {
  const share = Math.floor(KEPT_CONVERSATION_BYTES / Math.max(1, turn.responses.length))
  const short = (value: unknown) =>
    typeof value === 'string' ? shortened(value, { share, why: 'too many calls in one turn' }) : value
  const shortResponse = (response: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(response).map(([key, value]) => [key, short(value)]))
  return { ...turn, responses: turn.responses.map((row) => ({ ...row, response: shortResponse(row.response) })) }
}

/** `share` in bytes. */
const shortened = (text: string, { share, why }: { readonly share: number; readonly why: string }): string =>
  Buffer.byteLength(text) > share
    ? `${Buffer.from(text).subarray(0, share).toString('utf8')}\n[… left out: ${why} …]`
    : text
