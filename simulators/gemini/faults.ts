import { internalError, overloaded, quotaExceeded, type Refusal } from './errors.ts'
import type { Fault, ScriptedTurn } from './script.ts'

/** Faults that a whole answer suffers on its way. */
export type Breakage = 'hang' | 'reset' | 'cut' | 'stream-error'

const BREAKAGES: ReadonlySet<string> = new Set<Breakage>(['hang', 'reset', 'cut', 'stream-error'])
const PER_MINUTE = { per: 'minute', limit: 60, retryAfterMs: 1_000 } as const
/** The service names a delay for daily quotas too, and it is far too short or far too long to be of use. */
const PER_DAY = { per: 'day', limit: 250, retryAfterMs: 21_600_000 } as const

/** What `fault` does to the connection, or undefined when it leaves it alone. */
export const breakageOf = (fault: Fault | undefined): Breakage | undefined =>
  fault !== undefined && BREAKAGES.has(fault) ? (fault as Breakage) : undefined

/** The error that a fault answers with, or undefined when it is of another kind. */
export function refusalOf(fault: Fault | undefined, model: string): Refusal | undefined {
  switch (fault) {
    case 'overloaded':
      return overloaded()
    case 'internal':
      return internalError()
    case 'rate-limited':
      return quotaExceeded({ model, ...PER_MINUTE })
    case 'quota-exhausted':
      return quotaExceeded({ model, ...PER_DAY })
    default:
      return undefined
  }
}

/** Decides which fault the next answer has: those ordered from outside first, then the script's own. */
export class FaultPlan {
  private readonly ordered: Fault[] = []
  private readonly played = new Map<string, number>()

  /** The next `times` requests have the fault. */
  order(fault: Fault, times: number): void {
    for (let count = 0; count < times; count += 1) this.ordered.push(fault)
  }

  /** The fault ordered for a request without a turn (tokens, embeddings): only one that any answer can have. */
  nextForAnyVerb(): Fault | undefined {
    const [next] = this.ordered
    const fits = next !== undefined && (breakageOf(next) !== undefined || refusalOf(next, '') !== undefined)
    return fits ? this.ordered.shift() : undefined
  }

  /** The fault of a turn. `position` tells one conversation's turn from another's, so each counts for itself. */
  nextForTurn({ fault, faultTimes }: ScriptedTurn, position: string): Fault | undefined {
    const next = this.ordered.shift()
    if (next !== undefined || fault === undefined || faultTimes === undefined) return next ?? fault
    const times = this.played.get(position) ?? 0
    if (times >= faultTimes) return undefined
    this.played.set(position, times + 1)
    return fault
  }
}
