import type { BuilderActivities } from '../../domain/contracts.ts'
import type { Store } from '../../domain/ports/store.ts'
import { onSeat } from './on-seat.ts'
import type { SeatTable } from './seat-table.ts'
import type { Workspaces } from './workspaces.ts'

/** Clones or restores the files before the first step, and says with which turn to go on. */
export function createPrepareWorkspace(dependencies: {
  readonly store: Store
  readonly seats: SeatTable
  readonly workspaces: Workspaces
}): Pick<BuilderActivities, 'prepareWorkspace'> {
  const { store, seats, workspaces } = dependencies
  return {
    prepareWorkspace: (fence) =>
      onSeat({ seats, fence }, async (signal) => {
        const { taskId } = fence
        const [{ task }, turn] = await Promise.all([workspaces.work(fence), store.conversations.nextTurn(taskId)])
        // Without a repository there is nothing to clone: the first tool makes the empty workspace.
        const isEmpty = async () => (await workspaces.isUntouched(fence)) || !(await store.artifacts.checkpoint(taskId))
        if (task.repository === null && (await isEmpty())) return { turn, restored: false }
        const { restored } = await workspaces.of(fence, signal)
        if (restored)
          await store.tasks.note({
            ...fence,
            events: [{ type: 'workspace-restored', data: { seat: fence.seat, turn } }],
          })
        return { turn, restored }
      }),
  }
}
