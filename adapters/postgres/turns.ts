import type { Pool } from 'pg'
import type { ModelPart } from '../../domain/conversation.ts'
import { LOOPING_CALLS } from '../../domain/limits.ts'
import type { ConversationStore, Fence, ToolCall, TurnStart } from '../../domain/ports/store.ts'
import type { StateSnapshot } from '../../domain/state-snapshot.ts'
import { summarise } from '../../domain/tools/summarise.ts'
import { contentsBefore, CONVERSATION, type Conversation } from './contents.ts'
import { checkSeat, fenced } from './fence.ts'
import { callValues, paidBy } from './payments.ts'
import { storableText } from './storable-text.ts'
import { dollars, eventsWritten, WATCHERS_WOKEN, type TaskRow } from './task-rows.ts'
import { CALL_COLUMNS, callOf, type ToolCallRow } from './tool-call-rows.ts'

type BeginTurn = Parameters<ConversationStore['beginTurn']>[0]
type FinishTurn = Parameters<ConversationStore['finishTurn']>[0]
type Finished = Awaited<ReturnType<ConversationStore['finishTurn']>>

/** Beginning and finishing turns: each is begun once, and its first answer stays. */
export function createTurns(pool: Pool): Pick<ConversationStore, 'beginTurn' | 'finishTurn'> {
  return {
    beginTurn: (request) => fenced(pool, request, () => beginTurn(pool, request)),
    finishTurn: (request) => fenced(pool, request, () => finishTurn(pool, request)),
  }
}

type OpeningColumn = 'seat' | 'state' | 'ended_at' | 'max_turns' | 'usd'

/** A task before a turn, with all that decides what becomes of it. */
interface Opening extends Conversation, Pick<TaskRow, OpeningColumn> {
  /** Another with every write to the task. */
  readonly version: string
  /** Of the whole, when it is a part. */
  readonly spent: number
  readonly budget: number | null
  readonly is_spent: boolean
  /** The turn itself, when it was begun before. */
  readonly known: { readonly model: string; readonly parts: readonly ModelPart[] | null } | null
  readonly repeated: Pick<ToolCall, 'name' | 'args'> | null
  /** Whether the turn has begun with the reading, as it does unless something speaks against it. */
  readonly is_begun: boolean
}

/** The call the model has made again and again since somebody last said something, if it has. */
const REPEATED_CALL = `
  with said as (select coalesce(max(coalesce(turn, 1000000)), 0) as turn from message where task_id = $1),
  latest as (
    select name, args, response from tool_call c, said
    where task_id = $1 and c.turn >= said.turn and state = 'finished' order by c.turn desc, position desc limit $3)
  select json_build_object('name', name, 'args', (array_agg(args))[1]) from latest
  group by name, args::text, response::text having count(*) = $3`

const OPENING = `opening as (
  select task.id, task.seat, task.state, task.ended_at, task.max_turns, task.usd, task.plan, task.xmin::text as version,
    whole.usd as spent, whole.budget_usd as budget,
    round(whole.usd::numeric, 9) >= coalesce(whole.budget_usd::numeric, 'infinity') as is_spent,
    (select json_build_object('model', model, 'parts', parts) from turn where task_id = $1 and number = $2) as known,
    (${REPEATED_CALL}) as repeated
  from task join task whole on whole.id = coalesce(task.parent_id, task.id) where task.id = $1)`

const OPENING_COLUMNS = 'seat, state, ended_at, max_turns, usd, plan, version, spent, budget, is_spent, known, repeated'

/** The task, when nothing speaks against the turn and nobody wrote to the task since it was read. */
const UNOPPOSED = `unchanged as (
  select task.id from task, opening
  where task.id = opening.id and task.seat = $4 and task.ended_at is null and task.xmin::text = version
    and known is null and repeated is null and not is_spent and $2 <= opening.max_turns
  for update of task)`

/** Waiting messages are bound to the turn. */
const BOUND = `bound as (
  update message set turn = $2 from unchanged where task_id = unchanged.id and message.turn is null)`

const BEGUN = 'begun as (insert into turn (task_id, number) select id, $2 from unchanged returning task_id as id)'

/** Reads everything and begins the turn; a second statement is only for what this one cannot decide. */
async function beginTurn(pool: Pool, { turn, ...fence }: BeginTurn): Promise<TurnStart | undefined> {
  const { taskId, seat } = fence
  const opening = checkSeat(await readOpening(pool, { taskId, turn, seat }), fence)
  const { known } = opening
  if (known?.parts) {
    const calls = await callsOf(pool, { taskId, turn })
    const answered = { number: turn, model: known.model, parts: known.parts, calls }
    return { type: 'answered', turn: answered, spentUsd: dollars(opening.usd) }
  }
  const limit = limitOf(opening, turn)
  if (limit) return limit
  const { is_begun: isBegun } = opening
  if (!isBegun && !known) return undefined
  const { contents, snapshot } = await contentsBefore(pool, { conversation: opening, turn })
  const isBound = isBegun || opening.messages.every(({ taken }) => taken)
  if (!(isBound && !snapshot) && !(await bind(pool, { taskId, turn, opening, snapshot }))) return undefined
  return { type: 'ready', contents }
}

async function readOpening(pool: Pool, { taskId, turn, seat }: BeginTurn): Promise<Opening | undefined> {
  const values: unknown[] = [taskId, turn, LOOPING_CALLS, seat]
  const events = [{ type: 'turn-started' as const, data: { turn } }]
  const written = eventsWritten({ from: 'begun', set: ', turn = $2' }, events, (of) => `$${values.push(of)}`)
  const { rows } = await pool.query<Opening>(
    `with ${[OPENING, UNOPPOSED, BOUND, BEGUN, written].join(', ')}
     select ${OPENING_COLUMNS}, ${CONVERSATION}, exists (select from written) as is_begun, (${WATCHERS_WOKEN})
     from opening`,
    values,
  )
  return rows[0]
}

function limitOf(opening: Opening, turn: number): TurnStart | undefined {
  const { max_turns, spent, budget, is_spent, known, repeated } = opening
  if (turn > max_turns) return { type: 'turns-reached', maxTurns: max_turns }
  if (is_spent) return { type: 'budget-reached', spentUsd: dollars(spent), budgetUsd: budget ?? 0 }
  return known === null && repeated ? { type: 'looping', call: repeated } : undefined
}

/** The task, as long as nobody wrote to it since it was read; who says something to it does. */
const UNCHANGED = `unchanged as (select id from task where id = $1 and xmin = $3::xid for update)`

interface KnownTurn {
  readonly taskId: string
  readonly turn: number
  readonly opening: Opening
  readonly snapshot: StateSnapshot | undefined
}

/** Binds what was said since a turn began to it, and keeps what stands for older ones; false when what was read is no longer so. */
async function bind(pool: Pool, { taskId, turn, opening, snapshot }: KnownTurn): Promise<boolean> {
  const values: unknown[] = [taskId, turn, opening.version]
  const kept = `, kept as (
    insert into snapshot (task_id, snapshot) select id, $4::json from unchanged
    on conflict (task_id) do update set snapshot = excluded.snapshot)`
  if (snapshot) values.push(JSON.stringify(snapshot))
  const text = `with ${UNCHANGED}, ${BOUND}${snapshot ? kept : ''} select id from unchanged`
  const { rowCount } = await pool.query(text, values)
  return rowCount === 1
}

/** The first answer of a turn stays; its calls come with it or not at all. It is paid for in any case. */
const FINISH_TURN = `
  with ${paidBy('seat = $10 and ended_at is null')},
  answered as (
    update turn set model = $3, parts = $11, finish_reason = $12, answered_at = now() from paid
    where task_id = paid.id and number = $2 and turn.parts is null returning task_id as by),
  planned as (
    insert into tool_call (task_id, turn, position, id, name, args, decision, summary)
    select by, $2, place, c.id, name, args, decision, summary from answered,
      unnest($13::int[], $14::text[], $15::text[], $16::json[], $17::text[], $18::text[])
        as c (place, id, name, args, decision, summary)
    returning ${CALL_COLUMNS})
  select usd, by is not null as is_first, ${CALL_COLUMNS}
  from (select usd from paid) as cost left join answered on true left join planned on true order by position`

async function finishTurn(pool: Pool, request: FinishTurn): Promise<Finished | undefined> {
  const { calls } = request
  const { rows } = await pool.query<FinishedRow>(FINISH_TURN, [
    ...callValues(request),
    ...[request.seat, JSON.stringify(request.parts), request.finishReason],
    calls.map((call) => call.position),
    calls.map((call) => call.id),
    calls.map((call) => call.name),
    calls.map((call) => JSON.stringify(call.args)),
    calls.map((call) => call.decision),
    calls.map((call) => storableText(summarise(call.name, call.args))),
  ])
  const row = rows[0]
  if (!row) return undefined
  const planned = rows.filter(isCall).map(callOf)
  return { calls: row.is_first ? planned : await callsOf(pool, request), spentUsd: dollars(row.usd) }
}

/** A call that was planned; one row without any when none was. */
type FinishedRow = { readonly usd: number; readonly is_first: boolean } & (ToolCallRow | { readonly position: null })

const isCall = (row: FinishedRow): row is Extract<FinishedRow, ToolCallRow> => row.position !== null

async function callsOf(
  pool: Pool,
  at: Pick<Fence, 'taskId'> & { readonly turn: number },
): Promise<readonly ToolCall[]> {
  const { rows } = await pool.query<ToolCallRow>(
    `select ${CALL_COLUMNS} from tool_call where task_id = $1 and turn = $2 order by position`,
    [at.taskId, at.turn],
  )
  return rows.map(callOf)
}
