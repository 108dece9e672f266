import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow'
import { TASK_QUEUES, type GatewayActivities } from '../domain/contracts.ts'

/**
 * Database steps of the Manager. Local: they take milliseconds and cost a third of an activity. A database that is
 * away is waited for; what it refuses (`conflict`, `not_found`) comes back at once.
 */
export const gateway = proxyLocalActivities<GatewayActivities>({
  // One attempt is a short transaction; ten seconds without an answer mean the connection is gone.
  startToCloseTimeout: '10 seconds',
  // Longer than any planned database maintenance; then the workflow task fails and is tried again.
  scheduleToCloseTimeout: '1 hour',
  retry: { initialInterval: '100 milliseconds', backoffCoefficient: 2, maximumInterval: '5 seconds' },
})

/** The understanding call: the model may think for minutes and be overloaded for more. */
export const understanding = proxyActivities<Pick<GatewayActivities, 'understandTask'>>({
  taskQueue: TASK_QUEUES.gateway,
  // A thinking model answers within five minutes or not at all.
  startToCloseTimeout: '5 minutes',
  // Eight tries with this back-off last about four minutes: longer than a usual overload, cheaper than a person's patience.
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 8 },
})
