import { pairRateHit, throughputHit } from './graph-error.ts'

const SECOND_MS = 1_000
/** The service lets one message to the same person through in this time. */
const PAIR_MS = 6_000

/** Which limits are switched on. */
export interface Limits {
  /** One message in six seconds to the same person; a burst may be this long (1 without a number). */
  readonly pair?: boolean | { readonly burst: number }
  /** Messages a second, in and out together. */
  readonly messagesPerSecond?: number
}

/** Counts messages and refuses those that are too many. */
export class Throttle {
  private readonly passed: number[] = []
  private readonly pairs = new Map<string, { readonly allowance: number; readonly at: number }>()

  constructor(
    private readonly limits: Limits,
    private readonly now: () => number,
  ) {}

  /** A message of a person: it counts, and is never refused. */
  countInbound(): void {
    this.passed.push(this.now())
  }

  /** Counts a message to a person, or throws 130429 or 131056; what is refused does not count. */
  countOutbound(person: string): void {
    const { messagesPerSecond, pair } = this.limits
    const recent = this.passed.filter((at) => at > this.now() - SECOND_MS)
    if (messagesPerSecond !== undefined && recent.length >= messagesPerSecond) throw throughputHit()
    if (pair !== undefined && pair !== false) this.countPair(person, pair === true ? 1 : pair.burst)
    this.passed.splice(0, this.passed.length, ...recent, this.now())
  }

  private countPair(person: string, burst: number): void {
    const before = this.pairs.get(person) ?? { allowance: burst, at: this.now() }
    const allowance = Math.min(burst, before.allowance + (this.now() - before.at) / PAIR_MS)
    if (allowance < 1) throw pairRateHit()
    this.pairs.set(person, { allowance: allowance - 1, at: this.now() })
  }
}
