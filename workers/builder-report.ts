import type { SeatTable } from '../activities/builder/seat-table.ts'
import type { Store } from '../domain/ports/store.ts'

const INTERVAL_MS = 2_000

/** Keeps a builder's row in the registry fresh: with every change of its seats, and every two seconds. */
export class BuilderReport {
  draining = false
  private timer: NodeJS.Timeout | undefined
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
    this.builder.seats.onChange = () => void this.send().catch(() => undefined)
    // A database that is away for a moment must not end a builder whose work waits for it as well.
    this.timer = setInterval(() => void this.send().catch(() => undefined), INTERVAL_MS)
    await this.send()
  }

  async stop(): Promise<void> {
    clearInterval(this.timer)
    await this.builder.store.builders.remove(this.builder.id)
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
