import { Context } from '@temporalio/activity'
import type { Fence } from '../../domain/ports/store.ts'
import { beating } from '../beating.ts'
import type { SeatTable } from './seat-table.ts'

/** Runs a step that belongs to a seat: it beats, and it is aborted when the seat ends or the step is cancelled. */
export async function onSeat<T>(
  { seats, fence }: { readonly seats: SeatTable; readonly fence: Fence },
  step: (signal: globalThis.AbortSignal) => Promise<T>,
): Promise<T> {
  const signal = AbortSignal.any([seats.signalOf(fence), Context.current().cancellationSignal])
  return beating(() => step(signal))
}
