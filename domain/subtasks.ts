import type { Failure } from './errors.ts'
import { MAX_SUBTASKS } from './limits.ts'
import { isFinal, isWaiting, type PlanItem, type Task, type TaskKind } from './task.ts'
import type { Understanding } from './understanding.ts'

/** A part of a request that can be done without the others, as understanding found it. */
export type Part = NonNullable<Understanding['subtasks']>[number]

const DIVISIBLE: readonly TaskKind[] = ['code', 'data']

/**
 * The parts a task is built in; none when it is built whole. A single part is the task itself. More than
 * `MAX_SUBTASKS` are no longer independent pieces of work: such a request goes to one Builder, and nothing of it is
 * lost. A sub-task is not divided again, and a task that only proposes has nothing to merge.
 */
export function partsOf(
  task: Pick<Task, 'kind' | 'constraints' | 'parentId'>,
  understanding: Pick<Understanding, 'subtasks'>,
): readonly Part[] {
  const isDivisible =
    DIVISIBLE.includes(task.kind) && task.parentId === undefined && task.constraints.approvalMode !== 'plan'
  const parts = (understanding.subtasks ?? []).filter(({ prompt }) => prompt.trim() !== '')
  return isDivisible && parts.length > 1 && parts.length <= MAX_SUBTASKS ? parts : []
}

/** Whether a task that is understood is built in parts. */
export const isDivided = ({ task, understanding }: Divisible): boolean =>
  understanding !== undefined && partsOf(task, understanding).length > 0

interface Divisible {
  readonly task: Parameters<typeof partsOf>[0]
  readonly understanding?: Understanding
}

/** How a sub-task ended. */
export type Subtask = Pick<Task, 'id' | 'title' | 'prompt' | 'state' | 'error'>

/**
 * What becomes of sub-tasks once none of them runs: the work of the completed ones is merged, what the others should
 * have done is left to the Builder of the whole. When nothing was completed there is nothing to build on: the task
 * fails with the first reason.
 */
export function conclude<Ended extends Subtask>(subtasks: readonly Ended[]) {
  const completed = subtasks.filter(({ state }) => state === 'completed')
  const failed = subtasks.filter(({ state }) => state !== 'completed')
  return { completed, failed, failure: completed.length === 0 && failed.length > 0 ? failureOf(failed) : undefined }
}

function failureOf(failed: readonly Subtask[]): Failure {
  const { code = 'internal', retryable = true } = failed.find(({ error }) => error !== undefined)?.error ?? {}
  const reasons = failed.map((subtask) => `"${subtask.title}": ${reasonOf(subtask)}`)
  return { code, retryable, message: `All ${failed.length} sub-tasks failed. ${reasons.join(' ')}`.slice(0, 4_000) }
}

/** Why a sub-task was not completed. */
export const reasonOf = ({ state, error }: Subtask): string =>
  error?.message ?? (isFinal(state) ? `It was ${state}.` : 'Its workflow was ended in Temporal.')

/** The sub-tasks as lines of the plan of the whole. */
export const planOf = (subtasks: readonly Pick<Task, 'id' | 'title' | 'state'>[]): readonly PlanItem[] =>
  subtasks.map(({ id, title, state }) => ({ text: title, status: statusOf(state), taskId: id }))

/** Lines of a plan that stand for sub-tasks; they come first. */
export const subtaskLines = (plan: readonly PlanItem[]): readonly PlanItem[] =>
  plan.filter(({ taskId }) => taskId !== undefined)

/** Lines of a plan that its model wrote. */
export const ownLines = (plan: readonly PlanItem[]): readonly PlanItem[] =>
  plan.filter(({ taskId }) => taskId === undefined)

function statusOf(state: Task['state']): PlanItem['status'] {
  if (state === 'completed') return 'completed'
  if (isFinal(state)) return 'cancelled'
  const isUnderWay = isWaiting(state) || ['building', 'verifying', 'delivering'].includes(state)
  return isUnderWay ? 'in_progress' : 'pending'
}
