import { ApplicationFailure } from '@temporalio/common'
import { CancellationScope, condition, isCancellation } from '@temporalio/workflow'
import type { Seat, SeatLoss } from '../domain/contracts.ts'
import type { Priority } from '../domain/task.ts'
import { releasesOn, seats } from './builder-activities.ts'
import { causes, isSeatTrouble } from './failures.ts'

/** A builder that cannot lend a seat now may be able to soon; asking on and on would only fill the history. */
const FIRST_DELAY_MS = 1_000
const LONGEST_DELAY_MS = 60_000
const AGAIN = { summary: 'Before the next request for a seat' } as const

/** One request for a seat and, once granted, the seat. */
interface Holding {
  readonly number: number
  readonly scope: CancellationScope
  seat?: Seat
  lost?: SeatLoss
  /** Resolves when the request's activity has ended, however it did. */
  readonly ended: Promise<void>
}

/** What happened to work that needed a seat. */
export type SeatWork<T> =
  { readonly type: 'done'; readonly value: T } | { readonly type: 'lost'; readonly loss: SeatLoss }

/**
 * The Manager's hold on the Builder Pool: asks for a seat, knows when it is lost, gives it back. Seat numbers only
 * grow; the store compares them, so a builder that lost its seat can write nothing any more.
 */
export class SeatHolder {
  private numbers = 0
  private holding: Holding | undefined

  constructor(private readonly taskId: string) {}

  get seat(): Seat | undefined {
    return this.holding?.lost === undefined ? this.holding?.seat : undefined
  }

  get number(): number {
    return this.numbers
  }

  /** A builder announced itself. An old announcement is left to end by itself. */
  granted(seat: Seat): void {
    if (this.holding?.number === seat.seat && this.holding.lost === undefined) this.holding.seat = seat
  }

  /** Whatever is held on this builder is gone. */
  builderGone(event: { readonly builder: string; readonly reason: string }): void {
    if (this.holding?.seat?.builder === event.builder) this.holding.lost ??= { reason: event.reason, answered: false }
  }

  /** Waits for a seat. `withdrawn` ends the wait without one (another priority, a pause). */
  async take(request: {
    readonly priority: Priority
    readonly tenant: string
    readonly withdrawn: () => boolean
  }): Promise<Seat | undefined> {
    for (let delay = FIRST_DELAY_MS; ; delay = Math.min(delay * 2, LONGEST_DELAY_MS)) {
      const holding = this.request(request)
      await condition(() => holding.seat !== undefined || holding.lost !== undefined || request.withdrawn())
      if (holding.seat && holding.lost === undefined) return holding.seat
      this.abandon()
      if (holding.lost === undefined || (await condition(request.withdrawn, delay, AGAIN))) return undefined
    }
  }

  /** Runs work on the seat held; ends it at once when the seat is lost. */
  async work<T>(task: (seat: Seat) => Promise<T>): Promise<SeatWork<T>> {
    const holding = this.holding
    if (!holding?.seat) throw new Error('work needs a seat')
    const seat = holding.seat
    const scope = new CancellationScope()
    const running = scope
      .run(() => task(seat))
      .then(
        (value) => ({ type: 'done' as const, value }),
        (error: unknown) => ({ type: 'error' as const, error }),
      )
    const ended = await Promise.race([running, condition(() => holding.lost !== undefined).then(() => undefined)])
    if (ended?.type === 'done') return ended
    if (ended && !isSeatTrouble(ended.error) && !(isCancellation(ended.error) && holding.lost !== undefined))
      throw ended.error
    if (!ended) scope.cancel()
    await running
    this.abandon()
    return { type: 'lost', loss: holding.lost ?? lossBy(ended?.error, 'the step failed there: ') }
  }

  /**
   * Gives the seat back through its builder: in milliseconds, with whatever still runs there ended. Waits for the seat
   * itself to end: a workflow that completed in the same moment would be refused by the server and replayed.
   */
  async release(): Promise<void> {
    const holding = this.holding
    if (!holding) return
    this.holding = undefined
    if (!holding.seat || holding.lost !== undefined) return holding.scope.cancel()
    const { builder, queue } = holding.seat
    const summary = `${builder} · give back seat ${holding.number}`
    const fence = { taskId: this.taskId, seat: holding.number }
    const released = releasesOn(queue).releaseSeat.executeWithOptions({ summary }, [fence])
    await Promise.all([released.catch(() => holding.scope.cancel()), holding.ended])
  }

  private abandon(): void {
    this.holding?.scope.cancel()
    this.holding = undefined
  }

  private request(request: { readonly priority: Priority; readonly tenant: string }): Holding {
    // Not below the process: a cancelled task first ends what runs on the seat, then gives it back in milliseconds.
    const parent = new CancellationScope({ cancellable: false })
    const { taskId } = this
    const seat = ++this.numbers
    const summary = `Seat ${seat}`
    const scope = new CancellationScope({ cancellable: true, parent })
    const held = scope.run(() => seats(request).holdSeat.executeWithOptions({ summary }, [{ taskId, seat }]))
    const ended = held.then(
      () => void (holding.lost ??= { reason: 'the builder ended the seat', answered: true }),
      (error: unknown) => void (holding.lost ??= lossBy(error)),
    )
    const holding: Holding = { number: seat, scope, ended }
    this.holding = holding
    return holding
  }
}

function lossBy(error: unknown, prefix = ''): SeatLoss {
  const chain = causes(error)
  const reason = `${prefix}${chain.at(-1)?.message ?? String(error)}`
  // The innermost one may be any error; that somebody wrapped it is the answer.
  return { reason, answered: chain.some((cause) => cause instanceof ApplicationFailure) }
}
