import type { Client } from '@temporalio/client'
import { TASK_QUEUES } from '../domain/contracts.ts'

/** Temporal's number for activity task queues. */
const ACTIVITY_QUEUE = 2

/** How many seat requests wait, and for how long the oldest has. A shallow queue reports nothing: that is 0. */
export async function builderQueueDepth(
  client: Client,
  namespace: string,
): Promise<{ readonly queueDepth: number; readonly oldestWaitMs: number }> {
  const { stats } = await client.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: TASK_QUEUES.builders },
    taskQueueType: ACTIVITY_QUEUE,
    reportStats: true,
  })
  const age = stats?.approximateBacklogAge
  return {
    queueDepth: Number(stats?.approximateBacklogCount ?? 0),
    oldestWaitMs: Math.round(Number(age?.seconds ?? 0) * 1000 + (age?.nanos ?? 0) / 1e6),
  }
}
