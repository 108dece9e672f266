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
import type { Reader } from './transaction.ts'

/** What was said and done before a turn, as far as no snapshot stands for it. */
export interface Conversation {
  readonly turns: readonly { readonly number: number; readonly parts: readonly ModelPart[] }[]
  readonly responses: readonly ResponseRow[]
  readonly messages: readonly MessageRow[]
  readonly snapshot: StateSnapshot | null
  readonly plan: readonly PlanItem[]
}

interface ResponseRow {
  readonly turn: number
  readonly id: string
  readonly name: string
  readonly response: Readonly<Record<string, unknown>>
}

interface MessageRow {
  readonly turn: number
  readonly text: string
  readonly attachment: number | null
  /** Whether a turn took it already; otherwise this one does. */
  readonly taken: boolean
}

/** A former turn with what the model was told in return, and what stood before it. */
interface ToldTurn extends PastTurn {
  readonly responses: readonly ResponseRow[]
  /** Files that came with the messages. */
  readonly files: readonly ModelPart[]
}

/** The end of the last turn that a snapshot stands for. */
const BEYOND = `coalesce((select (snapshot ->> 'throughTurn')::integer from snapshot where task_id = $1), 0)`

/** Columns of a {@link Conversation} of the task `$1` before the turn `$2`; text that waits stands before that turn. */
export const CONVERSATION = `
  (select coalesce(json_agg(json_build_object('number', number, 'parts', parts) order by number), '[]') from turn
   where task_id = $1 and number < $2 and number > ${BEYOND} and parts is not null) as turns,
  (select coalesce(json_agg(json_build_object('turn', turn, 'id', id, 'name', name, 'response', response)
     order by turn, position), '[]') from tool_call
   where task_id = $1 and turn < $2 and turn > ${BEYOND}) as responses,
  (select coalesce(json_agg(json_build_object('turn', coalesce(turn, $2), 'text', text, 'attachment', attachment,
     'taken', turn is not null) order by number), '[]') from message
   where task_id = $1 and (turn is null or turn <= $2 and turn > ${BEYOND})) as messages,
  (select snapshot from snapshot where task_id = $1) as snapshot`

/**
 * The conversation before a turn, without the first user content: for each former turn the model's parts as they
 * came, all its function responses in one user content in the order of the calls, then the messages bound to the next
 * turn as a user content of their own. When it has grown too long its oldest turns give way to a snapshot, to be kept.
 */
export async function contentsBefore(
  reader: Reader,
  { conversation, turn }: { readonly conversation: Conversation; readonly turn: number },
): Promise<{ readonly contents: readonly ModelContent[]; readonly snapshot?: StateSnapshot }> {
  const { turns, latest } = await told(reader, conversation, turn)
  const { snapshot, plan } = conversation
  const sizes = turns.map((told) => Buffer.byteLength(JSON.stringify(contentsOf({ ...told, files: [] }))))
  const last = saidContent(latest)
  const known = snapshot ? [snapshotContent(snapshot, plan)] : []
  if (sizes.reduce((sum, size) => sum + size, 0) <= MAX_CONVERSATION_BYTES)
    return { contents: [...known, ...turns.flatMap(contentsOf), ...last] }
  const leaving = turnsToLeave(sizes, KEPT_CONVERSATION_BYTES)
  const next = extendSnapshot(snapshot ?? undefined, turns.slice(0, leaving))
  const kept = turns.slice(leaving).map((told) => (turns.length - leaving === 1 ? withShortResponses(told) : told))
  return { contents: [snapshotContent(next, plan), ...kept.flatMap(contentsOf), ...last], snapshot: next }
}

async function told(reader: Reader, { turns, responses, messages }: Conversation, asked: number) {
  const saidBefore = async (turn: number): Promise<Said> => {
    const said = messages.filter((row) => row.turn === turn)
    const attached = said.flatMap(({ attachment }) => attachment ?? [])
    return { messages: said.map(({ text }) => text), files: await attachedParts(reader, attached) }
  }
  return {
    turns: await Promise.all(
      turns.map(async ({ number, parts }): Promise<ToldTurn> => ({
        number,
        parts,
        responses: responses.filter((row) => row.turn === number),
        ...(await saidBefore(number)),
      })),
    ),
    latest: await saidBefore(asked),
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
