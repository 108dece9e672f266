import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import type { Logger } from 'pino'
import type { Store } from '../domain/ports/store.ts'
import { isFinal } from '../domain/task.ts'

const INTERVAL_MS = 1_000
/** A start tried at once had this long; after it the sweeper tries again. */
const START_GRACE_MS = 1_500
/** Closed workflows are looked at from this long before the last look: visibility lags a little. */
const LOOK_BACK_MS = 60_000

export interface SweeperOptions {
  readonly store: Store
  readonly client: Client
  readonly start: (taskId: string) => Promise<void>
  readonly logger: Logger
}

/**
 * Repairs what a crash between two systems leaves behind: accepted tasks whose workflow was never started, and tasks
 * whose workflow somebody ended in Temporal. Stops with the signal.
 */
export async function sweep(options: SweeperOptions, signal: AbortSignal): Promise<void> {
  let since = new Date(0)
  while (!signal.aborted) {
    const looked = new Date(Date.now() - LOOK_BACK_MS)
    try {
      await startMissing(options)
      await reconcileEnded(options, since)
      since = looked
    } catch (error) {
      options.logger.warn({ reason: String(error) }, 'sweep failed; it is repeated')
    }
    await delay(INTERVAL_MS, undefined, { signal }).catch(() => undefined)
  }
}

async function startMissing({ store, start }: SweeperOptions): Promise<void> {
  for (const taskId of await store.tasks.unstarted({ olderThanMs: START_GRACE_MS, limit: 50 })) await start(taskId)
}

async function reconcileEnded({ store, client }: SweeperOptions, since: Date): Promise<void> {
  const query = `WorkflowType = 'manageTask' AND ExecutionStatus IN ('Terminated', 'Canceled', 'Failed', 'TimedOut') AND CloseTime > '${since.toISOString()}'`
  for await (const { workflowId, status } of client.workflow.list({ query })) {
    const task = await store.tasks.find(workflowId)
    if (!task || isFinal(task.state)) continue
    const cancelled = status.name === 'CANCELLED'
    const error = {
      code: 'terminated' as const,
      message: `The task's workflow was ended in Temporal (${status.name}). Use retry to run it again.`,
      retryable: true,
    }
    const state = cancelled ? 'cancelled' : 'failed'
    await store.tasks.move({
      taskId: workflowId,
      to: state,
      ...(!cancelled && { change: { error } }),
      events: [{ type: 'task-ended', data: { state, verdict: null, code: cancelled ? null : error.code } }],
    })
  }
}
