import { GatewayError } from '../../domain/errors.ts'
import type { TaskStore } from '../../domain/ports/store.ts'
import { ownLines, planOf } from '../../domain/subtasks.ts'
import { isFinal } from '../../domain/task.ts'
import { insertTask } from './new-task.ts'
import { lockTask, taskOf, writeTask, type TaskRow } from './task-rows.ts'
import type { Reader, Transaction } from './transaction.ts'

type Division = Parameters<TaskStore['divide']>[0]

/*
 * A sub-task's transaction locks the sub-task first and then what it belongs to; nothing locks the other way round, so
 * nobody waits in a circle.
 */

/** The sub-tasks of a task, in the order of their parts. */
export async function subtaskRows(reader: Reader, taskId: string): Promise<readonly TaskRow[]> {
  const { rows } = await reader.query<TaskRow>('select * from task where parent_id = $1 order by part', [taskId])
  return rows
}

/** Makes the sub-tasks of a task, or finds them made. */
export async function divide(
  transaction: Transaction,
  { taskId, subtasks, told = 0 }: Division,
): Promise<readonly TaskRow[]> {
  const parent = await lockTask(transaction, taskId)
  const known = await subtaskRows(transaction, taskId)
  if (known.length > 0) return known
  // A step that was given up when its task was cancelled may come after the end.
  if (isFinal(parent.state))
    throw new GatewayError('conflict', `${taskId} has ended already (${parent.state}); it is not divided any more.`)
  const { tenant, requester, channel } = parent
  for (const [index, { id, request, understanding }] of subtasks.entries()) {
    const row = await insertTask(transaction, { id, tenant, requester, channel, request })
    // Its parent's Manager starts it: for the sweeper it is started from the beginning.
    transaction.write(
      `update task set parent_id = $2, part = $3, started_at = now(), understanding = $4, understood_round = 1
       where id = $1`,
      [id, taskId, index + 1, JSON.stringify(understanding)],
    )
    const data = { channel, requester, parentId: taskId }
    await writeTask(transaction, row, { events: [{ type: 'task-received', data }] })
  }
  // The sub-tasks were told it: it must not keep the whole from its verification.
  transaction.write(
    `update message set turn = 1 where number in (
       select number from message where task_id = $1 and turn is null order by number limit $2)`,
    [taskId, told],
  )
  await refreshPlan(transaction, taskId)
  return subtaskRows(transaction, taskId)
}

/** Writes where the sub-tasks stand into the plan of the whole. Locked first: what others wrote meanwhile is seen. */
export async function refreshPlan(transaction: Transaction, parentId: string): Promise<void> {
  const { rows } = await transaction.query<Planned>('select plan from task where id = $1 for update', [parentId])
  const subtasks = await subtaskRows(transaction, parentId)
  const plan = [...planOf(subtasks.map(taskOf)), ...ownLines(rows[0]?.plan ?? [])]
  transaction.write('update task set plan = $2, updated_at = now() where id = $1', [parentId, JSON.stringify(plan)])
}

type Planned = Pick<TaskRow, 'plan'>
