import type { Client } from '@temporalio/client'
import { TASK_QUEUES } from '../domain/contracts.ts'
import type { Store } from '../domain/ports/store.ts'

/** Temporal's number for activity task queues. */
const ACTIVITY_QUEUE = 2

export interface QueueDepth {
  /** Seat requests that wait. */
  readonly queueDepth: number
  /** How long the oldest has waited. */
  readonly oldestWaitMs: number
}

/**
 * The queue of the Builder Pool: the larger of Temporal's backlog, which also counts tasks that lost their seat, and
 * the store's queued tasks. A shallow, draining queue reports no backlog: that is 0.
 */
export async function builderQueueDepth(from: {
  readonly client: Client
  readonly namespace: string
  readonly store: Store
}): Promise<QueueDepth> {
  const [{ stats }, queued] = await Promise.all([
    from.client.workflowService.describeTaskQueue({
      namespace: from.namespace,
      taskQueue: { name: TASK_QUEUES.builders },
      taskQueueType: ACTIVITY_QUEUE,
      reportStats: true,
    }),
    from.store.tasks.queued(),
  ])
  const age = stats?.approximateBacklogAge
  return {
    queueDepth: Math.max(queued.count, Number(stats?.approximateBacklogCount ?? 0)),
    oldestWaitMs: Math.max(queued.oldestWaitMs, Math.round(Number(age?.seconds ?? 0) * 1000 + (age?.nanos ?? 0) / 1e6)),
  }
}
