import type { Pool } from 'pg'
import { GatewayError } from '../../domain/errors.ts'
import type { TaskEvent, TaskEventType } from '../../domain/events.ts'
import type { Acceptance, TaskFilter, TaskStore, TaskWork } from '../../domain/ports/store.ts'
import { canMove, isFinal } from '../../domain/task.ts'
import { insertTask } from './new-task.ts'
import type { Notifications } from './notifications.ts'
import { insertionOf } from './outbox.ts'
import { divide, refreshPlan, subtaskRows } from './subtasks.ts'
import { closeCalls } from './tool-call-rows.ts'
import { lockFenced, lockTask, TASK_COLUMNS, taskOf, writeTask, type TaskRow } from './task-rows.ts'
import { inTransaction, type Reader, type Transaction } from './transaction.ts'

/** Tasks and events in PostgreSQL. */
export function createTaskStore(pool: Pool, notifications: Notifications): TaskStore {
  return {
    accept: (acceptance) => inTransaction(pool, (transaction) => accept(transaction, acceptance)),
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
    move: (request) =>
      inTransaction(pool, async (transaction) => {
        const row = await lockTask(transaction, request.taskId)
        if (row.state === request.to) return { task: taskOf(row), moved: true }
        if (!canMove(row.state, request.to))
          throw new GatewayError('conflict', `${row.id} is ${row.state}; it cannot become ${request.to}.`)
        if (request.unlessSteered && (await isSteered(transaction, row.id))) return { task: taskOf(row), moved: false }
        const moved = await writeTask(transaction, row, await withClosedCalls(transaction, request))
        if (row.parent_id !== null) await refreshPlan(transaction, row.parent_id)
        return { task: taskOf(moved), moved: true }
      }),
    note: (request) =>
      inTransaction(pool, async (transaction) => {
        const { taskId, seat } = request
        const fenced = seat === undefined ? undefined : await lockFenced(transaction, { taskId, seat })
        if (fenced) return taskOf(await writeTask(transaction, fenced, request))
        const row = await lockTask(transaction, taskId)
        const stays = isFinal(row.state) || (request.change?.understoodRound ?? Infinity) <= row.understood_round
        return taskOf(stays ? row : await writeTask(transaction, row, request))
      }),
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

/** A task that ends takes its unfinished calls with it: each `tool-called` has its `tool-finished`. */
async function withClosedCalls(transaction: Reader, move: Move): Promise<Move> {
  if (!isFinal(move.to)) return move
  const closed = await closeCalls(transaction, { taskId: move.taskId, reason: `the task ended ${move.to}` })
  return { ...move, events: [...closed, ...(move.events ?? [])] }
}

/** Whether text waits for the next model turn. */
async function isSteered(reader: Reader, taskId: string): Promise<boolean> {
  const { rows } = await reader.query('select 1 from message where task_id = $1 and turn is null limit 1', [taskId])
  return rows.length > 0
}

async function accept(
  transaction: Transaction,
  acceptance: Acceptance,
): Promise<{ task: ReturnType<typeof taskOf>; created: boolean }> {
  const { id, tenant, channel, key, digest, requester } = acceptance
  const known = await knownTask(transaction, acceptance)
  if (known) return { task: known, created: false }
  const [row, inserted] = await Promise.all([
    insertTask(transaction, acceptance),
    transaction.query(
      'insert into inbox (tenant, channel, key, digest, task_id) values ($1, $2, $3, $4, $5) on conflict do nothing',
      [tenant, channel, key, digest, id],
    ),
  ])
  if (inserted.rowCount === 0) {
    // A simultaneous request with the same key was first; its task is visible now that its transaction ended.
    transaction.write('delete from task where id = $1', [id])
    return { task: (await knownTask(transaction, acceptance)) as ReturnType<typeof taskOf>, created: false }
  }
  addFollowers(transaction, acceptance)
  const events = [{ type: 'task-received' as const, data: { channel, requester } }]
  return { task: taskOf(await writeTask(transaction, row, { events })), created: true }
}

/** The chat a task came from, and the address its requester named, hear of it from its first event on. */
function addFollowers(transaction: Transaction, acceptance: Acceptance): void {
  const { id, channel, conversation, request, aside } = acceptance
  const add = 'insert into follower (task_id, target, conversation, url) values ($1, $2, $3, $4)'
  if (conversation !== undefined) transaction.write(add, [id, channel, conversation, null])
  if (conversation !== undefined && aside)
    transaction.write(...insertionOf({ id: `${id}/aside`, taskId: id, conversation, text: aside }))
  if (request.callbackUrl !== undefined) transaction.write(add, [id, 'callback', null, request.callbackUrl])
}

async function knownTask(reader: Reader, { tenant, channel, key, digest }: Parameters<TaskStore['accepted']>[0]) {
  const { rows } = await reader.query<TaskRow & { digest: string }>(
    'select task.*, inbox.digest from inbox join task on task.id = inbox.task_id where inbox.tenant = $1 and inbox.channel = $2 and inbox.key = $3',
    [tenant, channel, key],
  )
  const row = rows[0]
  if (row && row.digest !== digest)
    throw new GatewayError(
      'idempotency_key_reused',
      'This Idempotency-Key was used for another request. Send the same body again, or a new key.',
    )
  return row && taskOf(row)
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
  const { rows } = await pool.query<TaskRow & { family_base: string | null }>(
    `select ${TASK_COLUMNS},
       coalesce(base_commit, (select base_commit from task parent where parent.id = task.parent_id)) as family_base
     from task where id = $1`,
    [taskId],
  )
  const row = rows[0]
  if (!row) throw new GatewayError('not_found', `There is no task ${taskId}.`)
  return {
    task: taskOf(row),
    request: row.request,
    seat: row.seat,
    understoodRound: row.understood_round,
    ...(row.understanding && { understanding: row.understanding }),
    ...(row.route && { route: row.route }),
    ...(row.family_base !== null && { baseCommit: row.family_base }),
  }
}
