import { setImmediate } from 'node:timers/promises'
import { Context } from '@temporalio/activity'
import type { BuilderActivities, Seat, SeatActivities } from '../../domain/contracts.ts'
import { beating } from '../beating.ts'
import type { SeatTable } from './seat-table.ts'
import type { Workspaces } from './workspaces.ts'

export interface HoldSeatDependencies {
  readonly seats: SeatTable
  readonly workspaces: Workspaces
  readonly builder: string
  readonly queue: string
  /** Tells the Manager which builder took its request. */
  readonly announce: (to: { readonly workflowId: string; readonly runId: string }, seat: Seat) => Promise<void>
}

/** A seat is this activity: it runs, and beats, as long as the seat is held. */
export function createSeatActivities(
  dependencies: HoldSeatDependencies,
): SeatActivities & Pick<BuilderActivities, 'releaseSeat'> {
  const { seats, workspaces, builder, queue, announce } = dependencies
  return {
    holdSeat: (fence) =>
      beating(async () => {
        const context = Context.current()
        const held = seats.open(fence)
        try {
          const execution = context.info.workflowExecution
          if (execution) await announce(execution, { seat: fence.seat, builder, queue })
          await Promise.race([held.over, context.cancelled])
        } finally {
          seats.close(fence)
          workspaces.discard(fence)
        }
      }),
    async releaseSeat(fence) {
      seats.close(fence)
      // The seat's own end is reported first, so that the Manager takes both in one step.
      await setImmediate()
    },
  }
}
