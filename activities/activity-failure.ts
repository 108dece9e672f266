import { activityInfo, ApplicationFailure } from '@temporalio/activity'
import { GatewayError } from '../domain/errors.ts'

/** A model that answers nonsense is asked this often; more tries cost money and seldom help. */
const MALFORMED_ATTEMPTS = 3

type Activities = Readonly<Record<string, (input: never) => Promise<unknown>>>

/**
 * Maps every error once to what Temporal and the workflows understand: `type` is the code, `nonRetryable` what the
 * error says, the next try no sooner than the other side asked for. An unnamed error is `internal` and retryable.
 */
export function withFailures<T extends object>(activities: T): T {
  const mapped = Object.entries(activities as Activities).map(([name, activity]) => [
    name,
    async (input: never) => {
      try {
        return await activity(input)
      } catch (error) {
        throw activityFailureOf(error)
      }
    },
  ])
  return Object.fromEntries(mapped) as T
}

function activityFailureOf(error: unknown): unknown {
  if (!(error instanceof GatewayError)) {
    if (error instanceof ApplicationFailure || (error instanceof Error && error.name === 'CancelledFailure'))
      return error
    const message = error instanceof Error ? error.message : String(error)
    return ApplicationFailure.create({ type: 'internal', message, ...(error instanceof Error && { cause: error }) })
  }
  const givenUp = error.code === 'model_malformed' && activityInfo().attempt >= MALFORMED_ATTEMPTS
  return ApplicationFailure.create({
    type: error.code,
    message: error.message,
    nonRetryable: !error.retryable || givenUp,
    ...(error.retryAfterMs !== undefined && { nextRetryDelay: error.retryAfterMs }),
  })
}
