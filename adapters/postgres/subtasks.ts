import { GatewayError } from '../../domain/errors.ts'
import type { TaskStore } from '../../domain/ports/store.ts'
import { ownLines, planOf, subtaskLines } from '../../domain/subtasks.ts'
import { isFinal, type PlanItem } from '../../domain/task.ts'
import { insertTask } from './new-task.ts'
import { dollars, lockTask, taskOf, writeTask, type FencedTask, type TaskRow } from './task-rows.ts'
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

/** The plan of a task whose model plans anew: lines of sub-tasks are not the model's to change. */
export async function replannedBy(reader: Reader, taskId: string, own: readonly PlanItem[]) {
  const { rows } = await reader.query<Planned>('select plan from task where id = $1', [taskId])
  return [...subtaskLines(rows[0]?.plan ?? []), ...own]
}

type Planned = Pick<TaskRow, 'plan'>

/** What was spent of which budget: a sub-task's is that of the whole. */
export async function budgetFor(
  reader: Reader,
  task: Pick<FencedTask, 'usd' | 'budget_usd' | 'parent_id'>,
): Promise<{ readonly spentUsd: number; readonly budgetUsd: number | null }> {
  if (task.parent_id === null) return { spentUsd: task.usd, budgetUsd: task.budget_usd }
  const { rows } = await reader.query<Pick<TaskRow, 'usd' | 'budget_usd'>>(
    'select usd, budget_usd from task where id = $1',
    [task.parent_id],
  )
  return { spentUsd: dollars(rows[0]?.usd ?? 0), budgetUsd: rows[0]?.budget_usd ?? null }
}

/** The commit a whole family builds on: the first one that is fixed. */
export async function familyBase(reader: Reader, parentId: string, baseCommit: string): Promise<string> {
  const { rows } = await reader.query<{ base_commit: string }>(
    'update task set base_commit = coalesce(base_commit, $2) where id = $1 returning base_commit',
    [parentId, baseCommit],
  )
  return rows[0]?.base_commit ?? baseCommit
}
