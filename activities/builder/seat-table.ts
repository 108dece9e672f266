import { GatewayError } from '../../domain/errors.ts'
import type { Fence } from '../../domain/ports/store.ts'

interface HeldSeat {
  readonly taskId: string
  readonly gone: AbortController
  readonly over: Promise<void>
  readonly end: () => void
}

const keyOf = ({ taskId, seat }: Fence): string => `${taskId}#${seat}`

/** The seats this builder has lent out. */
export class SeatTable {
  /** Called after a seat was opened or ended. */
  onChange: () => void = () => undefined
  private readonly held = new Map<string, HeldSeat>()

  /** Opens a seat; `over` resolves when it is released. */
  open(fence: Fence): HeldSeat {
    let end: () => void = () => undefined
    const over = new Promise<void>((resolve) => (end = resolve))
    const seat: HeldSeat = { taskId: fence.taskId, gone: new AbortController(), over, end }
    this.held.set(keyOf(fence), seat)
    this.onChange()
    return seat
  }

  /** Ends a seat: what still runs on it is aborted. */
  close(fence: Fence): void {
    const seat = this.held.get(keyOf(fence))
    if (!seat) return
    this.held.delete(keyOf(fence))
    seat.gone.abort(new GatewayError('seat_lost', `Seat ${fence.seat} of ${fence.taskId} ended.`))
    seat.end()
    this.onChange()
  }

  /** Aborts when the seat ends. Throws `seat_lost` when this builder does not hold it. */
  signalOf(fence: Fence): globalThis.AbortSignal {
    const seat = this.held.get(keyOf(fence))
    if (!seat) throw new GatewayError('seat_lost', `This builder does not hold seat ${fence.seat} of ${fence.taskId}.`)
    return seat.gone.signal
  }

  get tasks(): readonly string[] {
    return [...this.held.values()].map((seat) => seat.taskId)
  }

  get size(): number {
    return this.held.size
  }
}
