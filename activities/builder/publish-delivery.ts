import type { BuilderActivities } from '../../domain/contracts.ts'
import type { GitHost } from '../../domain/ports/git.ts'
import type { Store } from '../../domain/ports/store.ts'
import type { TaskResult } from '../../domain/task.ts'
import { deliveryWords } from './delivery-words.ts'
import { onSeat } from './on-seat.ts'
import type { SeatTable } from './seat-table.ts'
import type { Workspaces } from './workspaces.ts'

export interface PublishDependencies {
  readonly store: Store
  readonly git: GitHost
  readonly seats: SeatTable
  readonly workspaces: Workspaces
}

/** Pushes the verified commit to the task's own branch, once; a repetition finds it there. */
export function createPublishDelivery(dependencies: PublishDependencies): Pick<BuilderActivities, 'publishDelivery'> {
  const { store, git, seats, workspaces } = dependencies
  return {
    publishDelivery: ({ commit, verdict, ...fence }) =>
      onSeat({ seats, fence }, async (signal): Promise<TaskResult> => {
        const { taskId } = fence
        const { task } = await store.tasks.work(taskId)
        const summary = (await deliveryWords(store, taskId)) || task.title
        const { bare, base } = await workspaces.ground(fence)
        if (commit === base) return { summary, verdict }
        const { stat: diffstat } = await git.diff({ bare, base, commit })
        // A sub-task's work goes on with the whole, which takes it from its last checkpoint.
        if (task.repository === null || task.parentId !== undefined) return { summary, verdict, commit, diffstat }
        const branch = `openclaw/${taskId}`
        await store.artifacts.assertSeat(fence)
        await git.push({ bare, repository: task.repository, tenant: task.tenant, commit, branch, signal })
        return { summary, verdict, commit, branch, diffstat }
      }),
  }
}
