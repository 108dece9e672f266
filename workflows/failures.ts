import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common'
import type { ErrorCode, Failure } from '../domain/errors.ts'

/** Ends a task as `failed`. */
export class TaskFailed extends Error {
  override readonly name = 'TaskFailed'
  constructor(readonly failure: Failure) {
    super(failure.message)
  }
}

/** The chain of causes, outermost first. */
export function causes(error: unknown): readonly Error[] {
  const chain: Error[] = []
  for (let next = error; next instanceof Error && chain.length < 10; next = next.cause) chain.push(next)
  return chain
}

/**
 * Whether a step failed because of where it ran (a dead or fenced builder, a database that was away) and not because
 * of what it was: then another seat is tried.
 */
export function isSeatTrouble(error: unknown): boolean {
  return causes(error).some(
    (cause) =>
      (cause instanceof TimeoutFailure && cause.timeoutType !== 'START_TO_CLOSE') ||
      (cause instanceof ApplicationFailure && ['seat_lost', 'internal', 'WorkerShutdown'].includes(cause.type ?? '')),
  )
}

/** The named failure inside whatever an activity or child threw. */
export function failureIn(error: unknown): Failure {
  if (error instanceof TaskFailed) return error.failure
  const chain = causes(error)
  const named = chain.find((cause): cause is ApplicationFailure => cause instanceof ApplicationFailure)
  if (named)
    return { code: (named.type ?? 'internal') as ErrorCode, message: named.message, retryable: !named.nonRetryable }
  const timeout = chain.find((cause) => cause instanceof TimeoutFailure)
  const step = chain.find((cause): cause is ActivityFailure => cause instanceof ActivityFailure)?.activityType
  if (timeout)
    return { code: 'internal', message: `The step ${step} did not end in time. Retry the task.`, retryable: true }
  return { code: 'internal', message: chain.at(-1)?.message ?? String(error), retryable: false }
}
