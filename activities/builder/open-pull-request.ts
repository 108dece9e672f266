import { createHash } from 'node:crypto'
import type { BuilderActivities } from '../../domain/contracts.ts'
import { GatewayError } from '../../domain/errors.ts'
import type { Forge } from '../../domain/ports/forge.ts'
import type { Store } from '../../domain/ports/store.ts'
import { pullRequestText } from '../../domain/pull-request.ts'
import type { Evidence, Receipt } from '../../domain/receipt.ts'
import { deliveryWords } from './delivery-words.ts'
import { onSeat } from './on-seat.ts'
import type { SeatTable } from './seat-table.ts'

export interface PullRequestDependencies {
  readonly store: Store
  readonly forge: Forge
  readonly seats: SeatTable
  /** Page of a task; undefined when the gateway has no public address. */
  readonly pageOf: (taskId: string) => string | undefined
}

/** Opens the pull request of a branch that was pushed, once; a repetition finds it by its branch. */
export function createOpenPullRequest(
  dependencies: PullRequestDependencies,
): Pick<BuilderActivities, 'openPullRequest'> {
  const { store, forge, seats, pageOf } = dependencies
  return {
    openPullRequest: ({ branch, ...fence }) =>
      onSeat({ seats, fence }, async (signal) => {
        const { taskId } = fence
        const work = await store.tasks.work(taskId)
        const { task } = work
        const receipt = await store.artifacts.receipt(taskId)
        if (task.repository === null || receipt === undefined)
          throw new GatewayError('forge_refused', 'A pull request needs a repository and a receipt of the verifier.')
        const text = pullRequestText({
          task,
          summary: (await deliveryWords(store, work)) || task.title,
          ...proofOf(receipt),
          link: pageOf(taskId),
        })
        await store.artifacts.assertSeat(fence)
        const request = { repository: task.repository, tenant: task.tenant, branch, text, signal }
        const { url } = await forge.pullRequestFor(request)
        return { pullRequest: url }
      }),
  }
}

const proofOf = ({ evidence }: Receipt) => ({
  evidence: JSON.parse(evidence) as Evidence,
  receiptSha256: createHash('sha256').update(evidence).digest('hex'),
})
