import { GatewayError } from '../../domain/errors.ts'
import type { Fence, ToolCall } from '../../domain/ports/store.ts'

interface HeldSeat {
  readonly taskId: string
  readonly gone: AbortController
  readonly over: Promise<void>
  readonly end: () => void
  /** What the model asked for in the last turn that was taken here. */
  calls: readonly ToolCall[]
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
    const seat: HeldSeat = { taskId: fence.taskId, gone: new AbortController(), over, end, calls: [] }
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

  /** Notes what the model asked for: its calls need not be read again. */
  noteCalls(fence: Fence, calls: readonly ToolCall[]): void {
    const seat = this.held.get(keyOf(fence))
    if (seat) seat.calls = calls
  }

  /** A call as it was planned by the turn taken last; undefined when another builder took that turn. */
  plannedCall(at: Fence & Pick<ToolCall, 'turn' | 'position'>): ToolCall | undefined {
    const calls = this.held.get(keyOf(at))?.calls
    return calls?.find(({ turn, position }) => turn === at.turn && position === at.position)
  }

  get tasks(): readonly string[] {
    return [...this.held.values()].map((seat) => seat.taskId)
  }

  get size(): number {
    return this.held.size
  }
}
