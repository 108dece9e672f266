import type { Observations } from '../observations.ts'

/** One promise, and what in a run broke it. */
export interface Oracle {
  readonly name: string
  readonly promise: string
  /** One line for each place where the promise is broken; none when it holds. */
  violations(seen: Observations): readonly string[]
}

/** The task of each Idempotency-Key, the first acceptance's. */
export const idsByKey = (seen: Observations): ReadonlyMap<string, string> =>
  new Map(seen.acceptances.map(({ key, taskId }) => [key, taskId] as const).toReversed())
