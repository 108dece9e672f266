import type { BuilderActivities } from '../../domain/contracts.ts'
import type { GitHost } from '../../domain/ports/git.ts'
import type { Fence, Store } from '../../domain/ports/store.ts'
import { conclude } from '../../domain/subtasks.ts'
import type { Task } from '../../domain/task.ts'
import { mergedMessage, type Conflict } from '../prompts/subtasks.ts'
import { onSeat } from './on-seat.ts'
import type { SeatTable } from './seat-table.ts'
import type { Workspaces } from './workspaces.ts'

export interface MergeDependencies {
  readonly store: Store
  readonly git: GitHost
  readonly seats: SeatTable
  readonly workspaces: Workspaces
}

/** Dates of its own would make another commit of the same work. */
const TEXT = { message: 'Merged sub-tasks', at: 0 }

/**
 * Merges the work of the completed sub-tasks, one after another, in the host's own repository; the result is the state
 * the task's files are in. What conflicts and what failed is told to the model. A repetition makes the same commit and
 * says it once.
 */
export function createMergeSubtasks(dependencies: MergeDependencies): Pick<BuilderActivities, 'mergeSubtasks'> {
  const { store, seats } = dependencies
  return {
    mergeSubtasks: (fence) =>
      onSeat({ seats, fence }, async (signal) => {
        const { taskId } = fence
        const { completed, failed } = conclude(await store.tasks.subtasks(taskId))
        const conflicts = await mergeAll(dependencies, { fence, subtasks: completed, signal })
        const isWorkLeft = conflicts.length > 0 || failed.length > 0
        const text = mergedMessage({ completed, failed, conflicts })
        await store.artifacts.assertSeat(fence)
        if (isWorkLeft) await store.conversations.tell({ taskId, text, key: 'merged sub-tasks' })
        return { isWorkLeft }
      }),
  }
}

async function mergeAll(
  { store, git, workspaces }: MergeDependencies,
  work: { readonly fence: Fence; readonly subtasks: readonly Task[]; readonly signal: globalThis.AbortSignal },
): Promise<readonly Conflict[]> {
  const { fence, subtasks, signal } = work
  const { bare, base } = await workspaces.ground(fence, signal)
  const conflicts: Conflict[] = []
  let merged = { commit: base, tree: '' }
  for (const subtask of subtasks) {
    const latest = await store.artifacts.checkpoint(subtask.id)
    // It found nothing to change.
    if (!latest) continue
    await git.importBundle({ bare, ...latest })
    const result = await git.merge({ bare, base, ours: merged.commit, theirs: latest.commit, text: TEXT, signal })
    if (result.conflicts.length > 0) conflicts.push({ subtask, commit: latest.commit, files: result.conflicts })
    merged = result
  }
  if (merged.commit === base) return []
  const bundle = await git.bundle({ bare, base, commit: merged.commit })
  await store.artifacts.saveCheckpoint({ ...fence, checkpoint: { ...merged, bundle } })
  return conflicts
}
