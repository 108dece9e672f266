import { GatewayError } from '../../domain/errors.ts'
import type { Fence } from '../../domain/ports/store.ts'
import type { TaskRow } from './task-rows.ts'
import type { Reader } from './transaction.ts'

/*
 * What a Builder writes is one statement. Its first part locks the task's row (`$1`) for the seat (`$2`), and
 * everything else takes its rows from there: without the seat nothing is written. Of other tables such a statement
 * sees what stood there when it began, not what the one it waited for has written meanwhile; so it either updates a row
 * there, which is looked at again, or holds on to the version of the task that was read.
 */

/** The task, as long as the seat is valid. */
export const FENCED = `fenced as (
  select id, parent_id, base_commit, xmin::text as version from task
  where id = $1 and seat = $2 and ended_at is null for update)`

type SeatedRow = Pick<TaskRow, 'seat' | 'state' | 'ended_at'>

/** Refuses the writer whose seat has been given to somebody else, or whose task is over. */
export function checkSeat<Row extends SeatedRow>(row: Row | undefined, { taskId, seat }: Fence): Row {
  if (!row) throw new GatewayError('not_found', `There is no task ${taskId}.`)
  if (row.seat !== seat || row.ended_at !== null)
    throw new GatewayError('seat_lost', `Seat ${seat} of ${taskId} is no longer valid (now ${row.seat}, ${row.state}).`)
  return row
}

/** Reads the task and refuses whom {@link checkSeat} refuses. */
export async function assertSeat(reader: Reader, fence: Fence): Promise<void> {
  const text = 'select seat, state, ended_at from task where id = $1'
  const { rows } = await reader.query<SeatedRow>(text, [fence.taskId])
  checkSeat(rows[0], fence)
}

/**
 * A write behind a fence: `write` gives what it comes to, or undefined when it met no valid seat, or a task that was
 * written to after it was read.
 */
export async function fenced<T>(reader: Reader, fence: Fence, write: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const written = await write()
    if (written !== undefined) return written
    await assertSeat(reader, fence)
  }
}
