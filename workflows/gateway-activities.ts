import { ActivityFailure, ApplicationFailure } from '@temporalio/common'
import { proxyActivities } from '@temporalio/workflow'
import { TASK_QUEUES, type GatewayActivities } from '../domain/contracts.ts'

type DatabaseSteps = Omit<GatewayActivities, 'understandTask'>

/** What the Temporal Web UI says of each step. */
const SUMMARIES: Readonly<Record<keyof DatabaseSteps, string>> = {
  queueTask: 'Choose the route and queue for a Builder',
  openSubtasks: 'Divide the task',
  showSubtaskWait: 'Show what a sub-task waits for',
  concludeSubtasks: 'Look at how the sub-tasks ended',
  assignBuilder: 'Note the Builder',
  noteBuilderLost: 'Note the lost Builder',
  awaitHuman: 'Wait for a person',
  pauseTask: 'Pause',
  resumeTask: 'Go on',
  beginVerification: 'Hand the work to the verifier',
  requestRepair: 'Give the rejected work back to the Builder',
  beginDelivery: 'Begin the delivery',
  endTask: 'Store the result and end',
  receiveMessage: 'Take a message',
  keepMessage: 'Keep what the sub-tasks were told',
  decideApproval: 'Decide an approval',
  changeBudget: 'Change the budget',
  changePriority: 'Change the priority',
}

const database = proxyActivities<DatabaseSteps>({
  // One attempt is a short transaction; ten seconds without an answer mean the connection is gone.
  startToCloseTimeout: '10 seconds',
  // Longer than any planned database maintenance; then the step fails, and the task with it.
  scheduleToCloseTimeout: '1 hour',
  retry: { initialInterval: '100 milliseconds', backoffCoefficient: 2, maximumInterval: '5 seconds' },
})

/**
 * Database steps of the Manager, taken by the process that asks for them. A database that is away is waited for; what
 * it refuses (`conflict`, `not_found`) comes back at once, by itself: who sent an update reads the reason first. Never
 * local activities: see the decision `database-steps-are-activities`.
 */
export const gateway = Object.fromEntries(
  Object.entries(SUMMARIES).map(([name, summary]) => [
    name,
    (input: never) =>
      database[name as keyof DatabaseSteps].executeWithOptions({ summary }, [input]).catch(throwRefusal),
  ]),
) as unknown as DatabaseSteps

function throwRefusal(error: unknown): never {
  throw error instanceof ActivityFailure && error.cause instanceof ApplicationFailure ? error.cause : error
}

/** The understanding call: the model may think for minutes and be overloaded for more. */
export const understanding = proxyActivities<Pick<GatewayActivities, 'understandTask'>>({
  taskQueue: TASK_QUEUES.gateway,
  // As on a builder: a gateway that died while the model thought is followed by another in seconds.
  heartbeatTimeout: '5 seconds',
  // A thinking model answers within five minutes or not at all.
  startToCloseTimeout: '5 minutes',
  // Eight tries with this back-off last about four minutes: longer than a usual overload, cheaper than a person's patience.
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 8 },
})
