import type { Failure } from '../../domain/errors.ts'
import { GatewayError } from '../../domain/errors.ts'
import type { NewTaskEvent, TaskEventType } from '../../domain/events.ts'
import type { TaskChange, TaskWork } from '../../domain/ports/store.ts'
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

/** The task as workers know it. */
export const workOf = (row: TaskRow): TaskWork => ({
  task: taskOf(row),
  request: row.request,
  seat: row.seat,
  understoodRound: row.understood_round,
  ...(row.understanding && { understanding: row.understanding }),
  ...(row.route && { route: row.route }),
  ...(row.base_commit !== null && { baseCommit: row.base_commit }),
})

/** Locks a task for the rest of the transaction. */
export async function lockTask(transaction: Reader, taskId: string): Promise<TaskRow> {
  const text = `select ${TASK_COLUMNS} from task where id = $1 for update`
  const { rows } = await transaction.query<TaskRow>(text, [taskId])
  if (!rows[0]) throw new GatewayError('not_found', `There is no task ${taskId}.`)
  return rows[0]
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

/** Gives a value its place in a statement. */
export type Value = (of: unknown) => string
/** SQL of what must be true of the row. */
type Condition = (value: Value) => string

/** Writes a change, an optional new state and its events to a locked task; gives the row as it is then. */
export async function writeTask(reader: Reader, row: Pick<TaskRow, 'id'>, write: TaskWrite): Promise<TaskRow> {
  return (await writeTaskWhen(reader, { id: row.id, condition: () => 'true' }, write)) as TaskRow
}

/** As {@link writeTask} for a task nobody has locked, in one statement; undefined when the condition is not met. */
export async function writeTaskWhen(
  reader: Reader,
  { id, condition }: { readonly id: string; readonly condition: Condition },
  write: TaskWrite,
): Promise<TaskRow | undefined> {
  const { sets, values } = assignments(id, write)
  const where = condition((value) => `$${values.push(value)}`)
  const update = `update task set ${sets.join(', ')} where id = $1 and ${where} returning ${TASK_COLUMNS}`
  const events = write.events ?? []
  const text = events.length === 0 ? update : withEvents({ update, values, give: `${TASK_COLUMNS}, ` }, events)
  const { rows } = await reader.query<TaskRow>(text, values)
  return rows[0]
}

/** As {@link writeTask} for a writer who asks nothing in return. */
export function noteEvents(transaction: Transaction, taskId: string, events: readonly NewTaskEvent[]): void {
  const { sets, values } = assignments(taskId, { events })
  const update = `update task set ${sets.join(', ')} where id = $1 returning id, sequence`
  transaction.write(withEvents({ update, values, give: '' }, events), values)
}

function assignments(id: string, write: TaskWrite) {
  const values: unknown[] = [id]
  const sets = ['updated_at = now()']
  const set = (column: string, value: unknown) =>
    sets.push(`${column} = $${values.push(typeof value === 'string' ? storableText(value) : value)}`)
  const ends = write.to !== undefined && isFinal(write.to)
  const change: TaskChange = { ...write.change, ...(ends && { waiting: null }) }
  if (write.to !== undefined) {
    sets.push('started_at = coalesce(started_at, now())')
    set('state', write.to)
  }
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
    sets.push(`sequence = sequence + ${events.length}`)
    set('last_event', last.type)
  }
  return { sets, values }
}

/**
 * An update of a task together with its events and the call that wakes its watchers, in one statement; adds to
 * `values`.
 */
function withEvents(
  statement: { readonly update: string; readonly values: unknown[]; readonly give: string },
  events: readonly NewTaskEvent[],
): string {
  const { update, values, give } = statement
  return `with written as (${update}), ${eventsAdded(events, (value) => `$${values.push(value)}`)}
   select ${give}pg_notify('task_event', $1) from written`
}

/**
 * `added`: the events of the row `written`, which gives id and sequence. JSON goes in as it is: `json_to_recordset`
 * would read every escape in it and refuse some.
 */
export function eventsAdded(events: readonly NewTaskEvent[], value: Value): string {
  const types = value(events.map(({ type }) => type))
  const data = value(events.map((event) => JSON.stringify(event.data ?? {})))
  return `added as (
       insert into event (task_id, sequence, type, data)
       select written.id, written.sequence - ${events.length} + e.place, e.type, e.data
       from written, unnest(${types}::text[], ${data}::json[]) with ordinality as e (type, data, place))`
}

/** `written`: the task that the part `from` gives, its numbering moved on by so many events, and what else is set. */
const taskWritten = (by: {
  readonly from: string
  readonly events: number
  readonly last: string
  readonly set: string
}): string => `written as (
    update task set updated_at = now(), sequence = sequence + ${by.events}, last_event = ${by.last}${by.set}
    from ${by.from} where task.id = ${by.from}.id returning task.id, task.sequence)`

/**
 * Parts of a statement: write events of the task that its part `from` gives, each with data of the column named beside
 * it; `written` is the task.
 */
export function eventsOf({
  from,
  events,
  set = '',
}: {
  readonly from: string
  readonly events: readonly (readonly [type: TaskEventType, column: string])[]
  readonly set?: string
}): string {
  const rows = events.map(([type, column], index) => `(${index + 1}, '${type}', ${from}.${column})`)
  return `
  ${taskWritten({ from, events: events.length, last: `'${events.at(-1)?.[0]}'`, set })},
  added as (
    insert into event (task_id, sequence, type, data)
    select written.id, written.sequence - ${events.length} + e.place, e.type, e.data
    from written, ${from}, lateral (values ${rows.join(', ')}) as e (place, type, data))`
}

/** Parts of a statement: write events of the task that its part `from` gives, and set what else is given. */
export function eventsWritten(
  { from, set = '' }: { readonly from: string; readonly set?: string },
  events: readonly NewTaskEvent[],
  value: Value,
): string {
  return `${taskWritten({ from, events: events.length, last: value(events.at(-1)?.type), set })},
  ${eventsAdded(events, value)}`
}

/** A statement's end: wakes watchers of the task that its part `written` is. */
export const WATCHERS_WOKEN = `select pg_notify('task_event', id) from written`
