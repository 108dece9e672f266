import { setTimeout as delay } from 'node:timers/promises'
import { WorkflowNotFoundError, type Client } from '@temporalio/client'
import type { Logger } from 'pino'
import { endSubtasks } from '../activities/gateway/subtasks.ts'
import type { Store } from '../domain/ports/store.ts'
import { isFinal } from '../domain/task.ts'

const INTERVAL_MS = 1_000
/** A start tried at once had this long; after it the sweeper tries again. */
const START_GRACE_MS = 1_500
/** Closed workflows are looked at from this long before the last look: visibility lags a little. */
const LOOK_BACK_MS = 60_000
/** Tasks that nobody wrote to for so long are looked up in Temporal, and as often. */
const QUIET_MS = 60_000
const QUIET_PAGE = 100

export interface SweeperOptions {
  readonly store: Store
  readonly client: Client
  readonly start: (taskId: string) => Promise<void>
  readonly logger: Logger
}

/**
 * Repairs what a crash between two systems leaves behind: accepted tasks whose workflow was never started, tasks whose
 * workflow somebody ended in Temporal, and tasks Temporal no longer knows. Stops with the signal.
 */
export async function sweep(options: SweeperOptions, signal: AbortSignal): Promise<void> {
  let since = new Date(0)
  let lookedForForgotten = Date.now()
  while (!signal.aborted) {
    const looked = new Date(Date.now() - LOOK_BACK_MS)
    try {
      await startMissing(options)
      await reconcileEnded(options, since)
      since = looked
      if (Date.now() - lookedForForgotten >= QUIET_MS) {
        await endForgotten(options, { olderThanMs: QUIET_MS })
        lookedForForgotten = Date.now()
      }
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
    const cancelled = status.name === 'CANCELLED'
    await end(store, workflowId, cancelled ? undefined : `was ended in Temporal (${status.name})`)
  }
}

/** Ends tasks whose workflow is gone: Temporal's data was lost, or another server or namespace is configured. */
export async function endForgotten(
  { store, client }: Pick<SweeperOptions, 'store' | 'client'>,
  { olderThanMs }: { readonly olderThanMs: number },
): Promise<void> {
  let after = ''
  for (;;) {
    const ids = await store.tasks.quiet({ olderThanMs, after, limit: QUIET_PAGE })
    for (const id of ids) if (!(await isKnown(client, id))) await end(store, id, 'is not known to Temporal any more')
    if (ids.length < QUIET_PAGE) return
    after = ids.at(-1) ?? ''
  }
}

async function isKnown(client: Client, workflowId: string): Promise<boolean> {
  try {
    await client.workflow.getHandle(workflowId).describe()
    return true
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false
    throw error
  }
}

/** As failed for a reason, as cancelled without one, with all its parts; a task that has ended stays as it is. */
async function end(store: Store, taskId: string, reason: string | undefined): Promise<void> {
  const task = await store.tasks.find(taskId)
  if (!task || isFinal(task.state)) return
  const message = `The task's workflow ${reason}. Use retry to run it again.`
  const error = reason === undefined ? undefined : ({ code: 'terminated', message, retryable: true } as const)
  const state = error ? 'failed' : 'cancelled'
  await store.tasks.move({
    taskId,
    to: state,
    ...(error && { change: { error } }),
    events: [{ type: 'task-ended', data: { state, verdict: null, code: error?.code ?? null } }],
  })
  await endSubtasks(store, taskId)
}
