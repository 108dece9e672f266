import type { Oracle } from './oracle.ts'
import { quantile, recoveriesOf } from '../recovery.ts'

const LONGEST_MS = 30_000
const USUAL_MS = 8_000
/** The middle of fewer says nothing. */
const ENOUGH = 10

/** Tasks of a killed builder move again soon. What takes longer because something else is broken too is only reported. */
export const recoversInTime: Oracle = {
  name: 'recovers-in-time',
  promise: 'a task of a killed builder moves again, when nothing else is broken: half within 8 s, all within 30 s',
  violations(seen) {
    const times = recoveriesOf(seen)
      .filter(({ isDisturbed }) => !isDisturbed)
      .map(({ ms }) => ms)
    const usual = times.length < ENOUGH ? 0 : (quantile(times, 0.5) ?? 0)
    const longest = times.at(-1) ?? 0
    return [
      ...(usual <= USUAL_MS ? [] : [`half took more than ${usual} ms`]),
      ...(longest <= LONGEST_MS ? [] : [`the slowest took ${longest} ms`]),
    ]
  },
}
