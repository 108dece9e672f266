import type { BuilderActivities, Published } from '../../domain/contracts.ts'
import type { Forge } from '../../domain/ports/forge.ts'
import type { GitHost } from '../../domain/ports/git.ts'
import type { Fence, Store, TaskWork } from '../../domain/ports/store.ts'
import type { TaskResult, Verdict } from '../../domain/task.ts'
import { deliveryWords } from './delivery-words.ts'
import { onSeat } from './on-seat.ts'
import type { SeatTable } from './seat-table.ts'
import type { Workspaces } from './workspaces.ts'

export interface PublishDependencies {
  readonly store: Store
  readonly git: GitHost
  readonly forge: Forge
  readonly seats: SeatTable
  readonly workspaces: Workspaces
}

/** Pushes the verified commit to the task's own branch, once; a repetition finds it there. */
export function createPublishDelivery(dependencies: PublishDependencies): Pick<BuilderActivities, 'publishDelivery'> {
  const { workspaces, forge, seats } = dependencies
  return {
    publishDelivery: ({ commit, verdict, ...fence }) =>
      onSeat({ seats, fence }, async (signal): Promise<Published> => {
        const work = await workspaces.work(fence)
        const result = await publish(dependencies, { fence, work, commit, verdict, signal })
        const { repository, tenant } = work.task
        const isPushed = repository !== null && result.branch !== undefined
        return { result, forge: isPushed && forge.serves({ url: repository.url, tenant }) }
      }),
  }
}

async function publish(
  { store, git, workspaces }: PublishDependencies,
  delivery: {
    readonly fence: Fence
    readonly work: TaskWork
    readonly commit: string
    readonly verdict: Verdict
    readonly signal: globalThis.AbortSignal
  },
): Promise<TaskResult> {
  const { fence, work, commit, verdict, signal } = delivery
  const { task } = work
  const summary = (await deliveryWords(store, work)) || task.title
  const { bare, base } = await workspaces.ground(fence, signal)
  if (commit === base) return { summary, verdict }
  const diffstat = await git.diffStat({ bare, base, commit })
  // A sub-task's work goes on with the whole, which takes it from its last checkpoint.
  if (task.repository === null || task.parentId !== undefined) return { summary, verdict, commit, diffstat }
  const branch = `openclaw/${task.id}`
  await store.artifacts.assertSeat(fence)
  await git.push({ bare, repository: task.repository, tenant: task.tenant, commit, branch, signal })
  return { summary, verdict, commit, branch, diffstat }
}
