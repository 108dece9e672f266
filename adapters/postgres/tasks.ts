import type { Pool } from 'pg'
import { GatewayError } from '../../domain/errors.ts'
import type { TaskEvent, TaskEventType } from '../../domain/events.ts'
import type { Fence, TaskFilter, TaskStore, TaskWork } from '../../domain/ports/store.ts'
import { canMove, isFinal, statesBefore } from '../../domain/task.ts'
import { accept, knownTask } from './acceptance.ts'
import { fenced } from './fence.ts'
import type { Notifications } from './notifications.ts'
import { divide, refreshPlan, subtaskRows } from './subtasks.ts'
import { closeCalls } from './tool-call-rows.ts'
import {
  lockTask,
  TASK_COLUMNS,
  taskOf,
  workOf,
  writeTask,
  writeTaskWhen,
  type TaskRow,
  type Value,
} from './task-rows.ts'
import { inTransaction, type Reader, type Transaction } from './transaction.ts'

/** Tasks and events in PostgreSQL. */
export function createTaskStore(pool: Pool, notifications: Notifications): TaskStore {
  return {
    accept: (acceptance) => accept(pool, acceptance),
    accepted: (identity) => knownTask(pool, identity),
    async find(id, tenant) {
      const text = `select ${TASK_COLUMNS} from task where id = $1 and tenant = coalesce($2, tenant)`
      const { rows } = await pool.query<TaskRow>(text, [id, tenant ?? null])
      return rows[0] && taskOf(rows[0])
    },
    list: (filter) => list(pool, filter),
    async events({ taskId, after, limit }) {
      const { rows } = await pool.query<EventRow>(
        'select task_id, sequence, at, type, data from event where task_id = $1 and sequence > $2 order by sequence limit $3',
        [taskId, after, limit],
      )
      return rows.map(eventOf)
    },
    subscribe: (taskId, listener) => notifications.subscribe(taskId, listener),
    divide: (division) => inTransaction(pool, async (transaction) => (await divide(transaction, division)).map(taskOf)),
    subtasks: async (taskId) => (await subtaskRows(pool, taskId)).map(taskOf),
    async move(request) {
      const moved = await moveAtOnce(pool, request)
      if (moved) return { ...workOf(moved), moved: true }
      return inTransaction(pool, (transaction) => moveLocked(transaction, request))
    },
    note: ({ seat, ...request }) =>
      seat === undefined
        ? note(pool, request)
        : fenced(pool, { taskId: request.taskId, seat }, () => noteSeated(pool, { ...request, seat })),
    async unstarted({ olderThanMs, limit }) {
      const { rows } = await pool.query<{ id: string }>(
        `select id from task where started_at is null and ended_at is null
           and created_at < now() - make_interval(secs => $1 / 1000.0) order by id limit $2`,
        [olderThanMs, limit],
      )
      return rows.map((row) => row.id)
    },
    async quiet({ olderThanMs, after, limit }) {
      const { rows } = await pool.query<{ id: string }>(
        `select id from task where ended_at is null and started_at is not null and id > $2
           and updated_at < now() - make_interval(secs => $1 / 1000.0)
           and not exists (select from task parent where parent.id = task.parent_id and parent.ended_at is null)
         order by id limit $3`,
        [olderThanMs, after, limit],
      )
      return rows.map((row) => row.id)
    },
    async markStarted(taskId) {
      await pool.query('update task set started_at = now() where id = $1 and started_at is null', [taskId])
    },
    async queued() {
      const { rows } = await pool.query<{ count: number; wait: number | null }>(
        `select count(*)::integer as count, (extract(epoch from now() - min(updated_at)) * 1000)::float8 as wait
         from task where ended_at is null and state = 'queued'`,
      )
      return { count: rows[0]?.count ?? 0, oldestWaitMs: Math.max(0, Math.round(rows[0]?.wait ?? 0)) }
    },
    async heldBy(builder) {
      const { rows } = await pool.query<{ id: string }>(
        'select id from task where ended_at is null and builder_id = $1',
        [builder],
      )
      return rows.map((row) => row.id)
    },
    work: (taskId) => work(pool, taskId),
  }
}

type Move = Parameters<TaskStore['move']>[0]

/** Whether text waits for the next model turn of a task. */
const IS_STEERED = 'exists (select from message where task_id = task.id and turn is null)'
/** Whether calls of a task are left that its end must finish. */
const HAS_OPEN_CALLS = `exists (select from tool_call where task_id = task.id and tool_call.state = 'running')`
/**
 * Whether nobody wrote to a task since the statement began. Other tables are seen as they were then, also once it has
 * waited for the task's row; whoever changes something there writes to the task as well.
 */
const IS_AS_SEEN = 'xmin = (select seen.xmin from task seen where seen.id = $1)'

/** Moves a task that is no part of another in one statement, when it may. undefined: look at it first. */
async function moveAtOnce(pool: Pool, move: Move): Promise<TaskRow | undefined> {
  const { taskId, from, to, unlessSteered = false } = move
  const origins = from === undefined ? statesBefore(to) : [from]
  const condition = (value: Value) =>
    [
      `parent_id is null and state = any(${value(origins)})`,
      ...(unlessSteered ? [`not ${IS_STEERED}`] : []),
      ...(isFinal(to) ? [`not ${HAS_OPEN_CALLS}`] : []),
      ...(unlessSteered || isFinal(to) ? [IS_AS_SEEN] : []),
    ].join(' and ')
  return writeTaskWhen(pool, { id: taskId, condition }, move)
}

/** Moves a task after a look at it. */
async function moveLocked(transaction: Transaction, move: Move): ReturnType<TaskStore['move']> {
  const row = await lockTask(transaction, move.taskId)
  if (move.from !== undefined && row.state !== move.from) return { ...workOf(row), moved: false }
  if (row.state === move.to) return { ...workOf(row), moved: true }
  if (!canMove(row.state, move.to))
    throw new GatewayError('conflict', `${row.id} is ${row.state}; it cannot become ${move.to}.`)
  if (move.unlessSteered && (await isSteered(transaction, row.id))) return { ...workOf(row), moved: false }
  const moved = await writeTask(transaction, row, await withClosedCalls(transaction, move))
  if (row.parent_id !== null) await refreshPlan(transaction, row.parent_id)
  return { ...workOf(moved), moved: true }
}

type Note = Omit<Parameters<TaskStore['note']>[0], 'seat'>

async function note(pool: Pool, { taskId, ...write }: Note): Promise<TaskWork> {
  const round = write.change?.understoodRound
  const condition = (value: Value) =>
    `ended_at is null${round === undefined ? '' : ` and understood_round < ${value(round)}`}`
  const row = await writeTaskWhen(pool, { id: taskId, condition }, write)
  return row ? workOf(row) : work(pool, taskId)
}

async function noteSeated(pool: Pool, { taskId, seat, ...write }: Note & Fence): Promise<TaskWork | undefined> {
  const condition = (value: Value) => `seat = ${value(seat)} and ended_at is null`
  const row = await writeTaskWhen(pool, { id: taskId, condition }, write)
  return row && workOf(row)
}

/** A task that ends takes its unfinished calls with it: each `tool-called` has its `tool-finished`. */
async function withClosedCalls(transaction: Reader, move: Move): Promise<Move> {
  if (!isFinal(move.to)) return move
  const closed = await closeCalls(transaction, { taskId: move.taskId, reason: `the task ended ${move.to}` })
  return { ...move, events: [...closed, ...(move.events ?? [])] }
}

async function isSteered(reader: Reader, taskId: string): Promise<boolean> {
  const { rows } = await reader.query<{ steered: boolean }>(`select ${IS_STEERED} as steered from task where id = $1`, [
    taskId,
  ])
  return rows[0]?.steered === true
}

async function list(pool: Pool, filter: TaskFilter) {
  const before = filter.cursor === undefined ? null : readCursor(filter.cursor)
  const { rows } = await pool.query<TaskRow>(
    `select * from task where tenant = $1 and parent_id is null
       and ($2::text is null or state = $2) and ($3::text is null or kind = $3)
       and ($4::text is null or title ilike $4 or prompt ilike $4)
       and ($5::text is null or id < $5) and ($6::text is null or requester = $6)
     order by id desc limit $7`,
    [
      filter.tenant,
      filter.state ?? null,
      filter.kind ?? null,
      filter.q === undefined ? null : `%${filter.q.replace(/[\\%_]/g, '\\$&')}%`,
      before,
      filter.requester ?? null,
      filter.limit + 1,
    ],
  )
  const items = rows.slice(0, filter.limit).map(taskOf)
  const last = items.at(-1)
  return { items, nextCursor: rows.length > filter.limit && last ? writeCursor(last.id) : null }
}

const writeCursor = (id: string): string => Buffer.from(id).toString('base64url')

function readCursor(cursor: string): string {
  const id = Buffer.from(cursor, 'base64url').toString('utf8')
  if (!/^task-[0-9A-Z]{26}$/.test(id) || writeCursor(id) !== cursor)
    throw new GatewayError('invalid_cursor', 'This cursor was not given by the gateway. Start again without a cursor.')
  return id
}

interface EventRow {
  task_id: string
  sequence: number
  at: Date
  type: TaskEventType
  data: Record<string, unknown>
}

const eventOf = (row: EventRow): TaskEvent => ({
  sequence: row.sequence,
  at: row.at.toISOString(),
  type: row.type,
  taskId: row.task_id,
  data: row.data,
})

async function work(pool: Pool, taskId: string): Promise<TaskWork> {
  const { rows } = await pool.query<TaskRow>(`select ${TASK_COLUMNS} from task where id = $1`, [taskId])
  if (!rows[0]) throw new GatewayError('not_found', `There is no task ${taskId}.`)
  return workOf(rows[0])
}
