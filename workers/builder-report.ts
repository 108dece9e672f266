import type { SeatTable } from '../activities/builder/seat-table.ts'
import type { Store } from '../domain/ports/store.ts'

const INTERVAL_MS = 2_000
/** Tasks that take less than a second change a builder's seats more often than anybody looks. */
const REST_MS = 500

/**
 * Keeps a builder's row in the registry fresh: every two seconds, and when its seats change, the first change at once
 * and those that follow it within half a second together.
 */
export class BuilderReport {
  draining = false
  private timer: NodeJS.Timeout | undefined
  private rest: NodeJS.Timeout | undefined
  private changedMeanwhile = false
  private cpuMicros = 0
  private at = 0

  constructor(
    private readonly builder: {
      readonly store: Store
      readonly seats: SeatTable
      readonly id: string
      readonly host: string
      readonly seatCount: number
      readonly restarts: number
    },
  ) {}

  async start(): Promise<void> {
    this.builder.seats.onChange = () => this.noteChange()
    this.timer = setInterval(() => this.trySend(), INTERVAL_MS)
    await this.send()
  }

  async stop(): Promise<void> {
    clearInterval(this.timer)
    clearTimeout(this.rest)
    this.builder.seats.onChange = () => undefined
    await this.builder.store.builders.remove(this.builder.id)
  }

  private noteChange(): void {
    this.changedMeanwhile = this.rest !== undefined
    if (this.changedMeanwhile) return
    this.rest = setTimeout(() => {
      this.rest = undefined
      if (this.changedMeanwhile) this.noteChange()
    }, REST_MS)
    this.trySend()
  }

  /** A database that is away for a moment must not end a builder whose work waits for it as well. */
  private trySend(): void {
    void this.send().catch(() => undefined)
  }

  private async send(): Promise<void> {
    const { store, seats, id, host, seatCount, restarts } = this.builder
    await store.builders.report({
      id,
      pid: process.pid,
      host,
      state: this.draining ? 'draining' : seats.size > 0 ? 'busy' : 'idle',
      seats: seatCount,
      seatsUsed: seats.size,
      tasks: seats.tasks,
      restarts,
      cpu: this.cpuShare(),
      rssBytes: process.memoryUsage.rss(),
      supervised: process.send !== undefined,
    })
  }

  /** Cores used since the last report. */
  private cpuShare(): number {
    const { user, system } = process.cpuUsage()
    const now = performance.now()
    const share = this.at === 0 ? 0 : (user + system - this.cpuMicros) / 1000 / (now - this.at)
    this.cpuMicros = user + system
    this.at = now
    return Math.round(share * 1000) / 1000
  }
}
