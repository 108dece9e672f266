import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow'
import { TASK_QUEUES, type BuilderActivities, type SeatActivities } from '../domain/contracts.ts'
import type { Priority } from '../domain/task.ts'

/** Five missed beats of a second: a busy builder is not taken for a dead one, a dead one is noticed in time. */
const HEARTBEAT_TIMEOUT = '5 seconds'
/** A living builder takes its own work in milliseconds. */
const OWN_QUEUE_TIMEOUT = '5 seconds'

/** A seat request: one activity that runs as long as the seat is held. */
export function seats(request: { readonly priority: Priority; readonly tenant: string }) {
  return proxyActivities<SeatActivities>({
    taskQueue: TASK_QUEUES.builders,
    priority: { priorityKey: request.priority, fairnessKey: request.tenant.slice(0, 64) },
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    // No task holds a seat for a month; a wait gives it back after half a minute.
    startToCloseTimeout: '30 days',
    // A lost seat is answered by a new request with a new number, never by a repetition.
    retry: { maximumAttempts: 1 },
    cancellationType: ActivityCancellationType.TRY_CANCEL,
  })
}

/** A step on the builder that granted the seat: it beats, and it ends with the seat. */
const onSeat = (queue: string) =>
  ({
    taskQueue: queue,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    scheduleToStartTimeout: OWN_QUEUE_TIMEOUT,
    cancellationType: ActivityCancellationType.TRY_CANCEL,
  }) as const

/** Steps that speak to the remote repository: the clone, the merge (which may need the base), the push, the pull request. */
type RemoteSteps = Pick<BuilderActivities, 'prepareWorkspace' | 'mergeSubtasks' | 'publishDelivery' | 'openPullRequest'>

/** Tools and verification on the queue of the builder that granted the seat. */
export function stepsOn(queue: string) {
  return proxyActivities<Omit<BuilderActivities, 'takeTurn' | 'releaseSeat' | keyof RemoteSteps>>({
    ...onSeat(queue),
    // Setup and commands have limits of their own; this one only ends what hangs beyond them.
    startToCloseTimeout: '2 hours',
    // An unfinished step is repeated on a new seat, where the fence holds, never beside its own ghost.
    retry: { maximumAttempts: 1 },
  })
}

/** Clone, merge, push and pull request on the same queue. */
export function remoteStepsOn(queue: string) {
  return proxyActivities<RemoteSteps>({
    ...onSeat(queue),
    // Each git and each request has a limit of its own; this one only ends what hangs beyond them.
    startToCloseTimeout: '2 hours',
    // A remote that is restarted, or a ref another push has locked, is back within the two minutes between these tries. One
    // that says nothing costs each try a minute more.
    // Each of them looks first whether an earlier one went through, and whether the seat is still its own.
    retry: {
      initialInterval: '1 second',
      backoffCoefficient: 2,
      maximumInterval: '1 minute',
      maximumAttempts: 8,
      nonRetryableErrorTypes: ['internal', 'TemporalTimeout:Heartbeat', 'TemporalTimeout:StartToClose'],
    },
  })
}

/** Model turns on the same queue. */
export function turnsOn(queue: string) {
  return proxyActivities<Pick<BuilderActivities, 'takeTurn'>>({
    ...onSeat(queue),
    // The longest answer seen from thinking models, doubled.
    startToCloseTimeout: '15 minutes',
    // The model's own trouble is waited out here; anything unexpected moves to another seat.
    retry: {
      initialInterval: '1 second',
      backoffCoefficient: 2,
      maximumInterval: '1 minute',
      maximumAttempts: 8,
      // A builder that stopped beating is not asked once more: the turn moves with the seat.
      nonRetryableErrorTypes: ['internal', 'TemporalTimeout:Heartbeat'],
    },
  })
}

/** Gives a seat back through its builder. */
export function releasesOn(queue: string) {
  return proxyActivities<Pick<BuilderActivities, 'releaseSeat'>>({
    taskQueue: queue,
    // Only a courtesy that saves a second: a dead builder's seat ends by its missing heartbeat.
    scheduleToCloseTimeout: '3 seconds',
    retry: { maximumAttempts: 1 },
  })
}
