import type { Failure } from '../../domain/errors.ts'
import { GatewayError } from '../../domain/errors.ts'
import type { NewTaskEvent } from '../../domain/events.ts'
import type { Fence, TaskChange } from '../../domain/ports/store.ts'
import type { Route } from '../../domain/routing/strategy.ts'
import {
  isFinal,
  type PlanItem,
  type Priority,
  type Task,
  type TaskKind,
  type TaskRequest,
  type TaskResult,
  type TaskState,
  type Waiting,
} from '../../domain/task.ts'
import type { Understanding } from '../../domain/understanding.ts'
import { storableText } from './storable-text.ts'
import type { Reader, Transaction } from './transaction.ts'

/** A row of `task`. */
export interface TaskRow {
  id: string
  tenant: string
  requester: string
  channel: string
  title: string
  kind: TaskKind
  state: TaskState
  priority: Priority
  prompt: string
  request: TaskRequest
  budget_usd: number | null
  max_turns: number
  created_at: Date
  updated_at: Date
  ended_at: Date | null
  retry_of: string | null
  parent_id: string | null
  seat: number
  builder_id: string | null
  builder_attempt: number
  turn: number
  plan: PlanItem[]
  last_event: string
  sequence: number
  waiting: Waiting | null
  usd: number
  input_tokens: string
  output_tokens: string
  thought_tokens: string
  cached_tokens: string
  model_calls: number
  understanding: Understanding | null
  understood_round: number
  route: Route | null
  base_commit: string | null
  result: TaskResult | null
  error: Failure | null
}

/** What is read of a task, named: a newer gateway may add columns meanwhile. */
export const TASK_COLUMNS = `id, tenant, requester, channel, title, kind, state, priority, prompt, request, budget_usd,
  max_turns, created_at, updated_at, ended_at, retry_of, parent_id, seat, builder_id, builder_attempt, turn, plan,
  last_event, sequence, waiting, usd, input_tokens, output_tokens, thought_tokens, cached_tokens, model_calls,
  understanding, understood_round, route, base_commit, result, error`

/** Rounds away the dust of adding binary fractions. */
export const dollars = (usd: number): number => Math.round(usd * 1e9) / 1e9

/** The task as ports know it. */
export function taskOf(row: TaskRow): Task {
  return {
    id: row.id,
    title: row.title,
    kind: row.kind,
    state: row.state,
    priority: row.priority,
    prompt: row.prompt,
    repository: row.request.repository ?? null,
    acceptance: row.request.acceptance ?? null,
    constraints: { ...row.request.constraints, ...(row.budget_usd !== null && { budgetUsd: row.budget_usd }) },
    labels: row.request.labels ?? [],
    channel: row.channel,
    requester: row.requester,
    tenant: row.tenant,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    ...(row.ended_at && { endedAt: row.ended_at.toISOString() }),
    ...(row.builder_id && { builder: { id: row.builder_id, attempt: row.builder_attempt } }),
    progress: { turn: row.turn, maxTurns: row.max_turns, plan: row.plan, lastEvent: row.last_event },
    ...(row.waiting && { waiting: row.waiting }),
    cost: {
      usd: dollars(row.usd),
      inputTokens: Number(row.input_tokens),
      outputTokens: Number(row.output_tokens),
      thoughtTokens: Number(row.thought_tokens),
      cachedTokens: Number(row.cached_tokens),
      modelCalls: row.model_calls,
    },
    ...(row.result && { result: row.result }),
    ...(row.error && { error: row.error }),
    ...(row.retry_of && { retryOf: row.retry_of }),
    ...(row.parent_id && { parentId: row.parent_id }),
  }
}

/** Locks a task for the rest of the transaction. */
export async function lockTask(transaction: Reader, taskId: string): Promise<TaskRow> {
  const text = `select ${TASK_COLUMNS} from task where id = $1 for update`
  const { rows } = await transaction.query<TaskRow>(text, [taskId])
  if (!rows[0]) throw new GatewayError('not_found', `There is no task ${taskId}.`)
  return rows[0]
}

/** What a Builder's write must know of its task. */
export type FencedTask = Pick<TaskRow, (typeof FENCED)[number]>
const FENCED = [
  'id',
  'parent_id',
  'state',
  'seat',
  'sequence',
  'max_turns',
  'budget_usd',
  'usd',
  'base_commit',
] as const

/** Locks a task and refuses the writer whose seat has been given to somebody else. */
export async function lockFenced(transaction: Reader, { taskId, seat }: Fence): Promise<FencedTask> {
  const text = `select ${FENCED.join(', ')} from task where id = $1 for update`
  const { rows } = await transaction.query<FencedTask>(text, [taskId])
  const row = rows[0]
  if (!row) throw new GatewayError('not_found', `There is no task ${taskId}.`)
  if (row.seat !== seat || isFinal(row.state))
    throw new GatewayError('seat_lost', `Seat ${seat} of ${taskId} is no longer valid (now ${row.seat}, ${row.state}).`)
  return row
}

const CHANGES = {
  title: 'title',
  kind: 'kind',
  priority: 'priority',
  understanding: 'understanding',
  understoodRound: 'understood_round',
  route: 'route',
  waiting: 'waiting',
  budgetUsd: 'budget_usd',
  result: 'result',
  error: 'error',
} as const satisfies Partial<Record<keyof TaskChange, string>>
const JSON_COLUMNS = new Set(['understanding', 'route', 'waiting', 'result', 'error'])

interface TaskWrite {
  readonly to?: TaskState
  readonly change?: TaskChange
  readonly events?: readonly NewTaskEvent[]
}

/** Writes a change, an optional new state and its events to a locked task; gives the row as it is then. */
export async function writeTask(
  transaction: Reader,
  row: Pick<TaskRow, 'id' | 'sequence'>,
  write: TaskWrite,
): Promise<TaskRow> {
  const { sets, values } = assignments(row, write)
  const update = `update task set ${sets.join(', ')} where id = $1 returning ${TASK_COLUMNS}`
  const events = write.events ?? []
  const text = events.length === 0 ? update : withEvents({ update, values, give: `${TASK_COLUMNS}, ` }, events)
  const { rows } = await transaction.query<TaskRow>(text, values)
  return rows[0] as TaskRow
}

/** As {@link writeTask} for a writer who asks nothing in return. `turn` is the turn the task is in from now on. */
export function noteEvents(
  transaction: Transaction,
  row: Pick<TaskRow, 'id' | 'sequence'>,
  { events, turn }: { readonly events: readonly NewTaskEvent[]; readonly turn?: number },
): void {
  const { sets, values } = assignments(row, { events })
  if (turn !== undefined) sets.push(`turn = $${values.push(turn)}`)
  const update = `update task set ${sets.join(', ')} where id = $1 returning id, sequence`
  transaction.write(withEvents({ update, values, give: '' }, events), values)
}

function assignments(row: Pick<TaskRow, 'id' | 'sequence'>, write: TaskWrite) {
  const values: unknown[] = [row.id]
  const sets = ['updated_at = now()']
  const set = (column: string, value: unknown) =>
    sets.push(`${column} = $${values.push(typeof value === 'string' ? storableText(value) : value)}`)
  const ends = write.to !== undefined && isFinal(write.to)
  const change: TaskChange = { ...write.change, ...(ends && { waiting: null }) }
  if (write.to !== undefined) set('state', write.to)
  if (ends) sets.push('ended_at = now()')
  for (const [field, column] of Object.entries(CHANGES)) {
    const value = change[field as keyof typeof CHANGES]
    if (value !== undefined) set(column, JSON_COLUMNS.has(column) && value !== null ? JSON.stringify(value) : value)
  }
  if (write.change?.builder) {
    set('builder_id', write.change.builder.id)
    set('seat', write.change.builder.seat)
    set('builder_attempt', write.change.builder.attempt)
  }
  const events = write.events ?? []
  const last = events.at(-1)
  if (last) {
    set('sequence', row.sequence + events.length)
    set('last_event', last.type)
  }
  return { sets, values }
}

/**
 * An update of a task together with its events and the call that wakes its watchers, in one statement; adds to
 * `values`. JSON goes in as it is: `json_to_recordset` would read every escape in it and refuse some.
 */
function withEvents(
  statement: { readonly update: string; readonly values: unknown[]; readonly give: string },
  events: readonly NewTaskEvent[],
): string {
  const { update, values, give } = statement
  const types = values.push(events.map(({ type }) => type))
  const data = values.push(events.map((event) => JSON.stringify(event.data ?? {})))
  return `with written as (${update}),
     added as (
       insert into event (task_id, sequence, type, data)
       select written.id, written.sequence - ${events.length} + e.place, e.type, e.data
       from written, unnest($${types}::text[], $${data}::json[]) with ordinality as e (type, data, place))
   select ${give}pg_notify('task_event', $1) from written`
}
