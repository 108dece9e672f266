import type { Store, TaskStore } from '../../domain/ports/store.ts'
import { isWaiting, type Task, type Waiting } from '../../domain/task.ts'

/**
 * Ends a wait the Manager knows nothing of, unless it is the one that comes now: it was stored, the answer was lost, and
 * by the time the step was taken again there was news (the seat is lost, a sub-task waits for something else) that led
 * past it.
 */
export async function leaveWait({ tasks }: Store, { id, state, waiting }: Task, next?: Waiting): Promise<void> {
  if (!isWaiting(state) || (next && waiting && isSame(waiting, next))) return
  await tasks.move({ taskId: id, to: 'building', change: { waiting: null } })
}

/** Moves a task on, past a wait the Manager knows nothing of. */
export async function moveOn(store: Store, move: Parameters<TaskStore['move']>[0]): ReturnType<TaskStore['move']> {
  try {
    return await store.tasks.move(move)
  } catch (error) {
    const { task } = await store.tasks.work(move.taskId)
    if (!isWaiting(task.state)) throw error
    await leaveWait(store, task)
    return store.tasks.move(move)
  }
}

const isSame = (one: Waiting, other: Waiting): boolean =>
  one.for === other.for && one.approvalId === other.approvalId && one.question === other.question
