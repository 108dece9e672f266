import type { Channel, Delivery } from '../../domain/ports/channel.ts'

/** Enough to keep the way busy; more only makes a slow service slower. */
const IN_FLIGHT = 2
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 60_000

/** Milliseconds, twice as many after each failure. */
export const pauseAfter = (failures: number): number => Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS)

/**
 * How a service has answered lately. After a call whose outcome nobody knows it is left alone for a while, then asked
 * something that changes nothing: while it does not answer that, it is given no message, which were lost to doubt as well.
 */
export class ServiceHealth {
  /** In a row. */
  private doubts = 0
  /** A predecessor may have ended in the middle of an outage. */
  private isInQuestion = true
  /** Milliseconds since 1970. */
  private restUntil = 0

  constructor(
    /** None for callbacks: each of them has a service of its own. */
    private readonly channel: Pick<Channel, 'isWell'> | undefined,
    private readonly clock: () => Date,
  ) {}

  /** How many messages may be on their way: one, until it was taken by a service that was in doubt. */
  get room(): number {
    return this.doubts > 0 ? 1 : IN_FLIGHT
  }

  /** What became of a call. That it was too busy says nothing about calls it takes. */
  note({ type }: Delivery): void {
    if (!this.channel) return
    if (type === 'unknown') this.doubt()
    else if (type !== 'later') this.doubts = 0
  }

  /** Milliseconds for which it gets no message; asks the service when they are over. */
  async restMs(signal: AbortSignal): Promise<number> {
    if (this.restLeftMs === 0 && this.isInQuestion) {
      const isWell = (await this.channel?.isWell?.(signal)) ?? true
      if (isWell) this.isInQuestion = false
      else this.doubt()
    }
    return this.restLeftMs
  }

  private get restLeftMs(): number {
    return Math.max(0, this.restUntil - this.clock().getTime())
  }

  private doubt(): void {
    this.doubts++
    this.isInQuestion = true
    this.restUntil = this.clock().getTime() + pauseAfter(this.doubts)
  }
}
