import { Context } from '@temporalio/activity'
import type { Fence } from '../../domain/ports/store.ts'
import type { SeatTable } from './seat-table.ts'

/** The server ends an activity after five missed beats. */
const BEAT_MS = 1_000

/**
 * Beats until `work` ends, so that a dead or frozen builder is noticed within seconds. The start itself counts as the
 * first beat; most steps are over before the second.
 */
export async function beating<T>(work: () => Promise<T>): Promise<T> {
  const context = Context.current()
  const beat = setInterval(() => context.heartbeat(), BEAT_MS)
  try {
    return await work()
  } finally {
    clearInterval(beat)
  }
}

/** Runs a step that belongs to a seat: it beats, and it is aborted when the seat ends or the step is cancelled. */
export async function onSeat<T>(
  { seats, fence }: { readonly seats: SeatTable; readonly fence: Fence },
  step: (signal: globalThis.AbortSignal) => Promise<T>,
): Promise<T> {
  const signal = AbortSignal.any([seats.signalOf(fence), Context.current().cancellationSignal])
  return beating(() => step(signal))
}
