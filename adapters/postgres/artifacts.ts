import type { Pool } from 'pg'
import type { ArtifactStore, Checkpoint } from '../../domain/ports/store.ts'
import type { Receipt } from '../../domain/receipt.ts'
import { lockFenced } from './task-rows.ts'
import { inTransaction } from './transaction.ts'

/** Checkpoints, base commits, patches and receipts in PostgreSQL. */
export function createArtifactStore(pool: Pool): ArtifactStore {
  return {
    async checkpoint(taskId) {
      const { rows } = await pool.query<Checkpoint>('select commit, tree, bundle from checkpoint where task_id = $1', [
        taskId,
      ])
      return rows[0]
    },
    assertSeat: (fence) =>
      inTransaction(pool, async (transaction) => {
        await lockFenced(transaction, fence)
      }),
    fixBase: ({ baseCommit, ...fence }) =>
      inTransaction(pool, async (transaction) => {
        const task = await lockFenced(transaction, fence)
        if (task.base_commit !== null) return task.base_commit
        transaction.write('update task set base_commit = $2 where id = $1', [task.id, baseCommit])
        return baseCommit
      }),
    saveDelivery: ({ commit, patch, ...fence }) =>
      inTransaction(pool, async (transaction) => {
        await lockFenced(transaction, fence)
        transaction.write(
          `insert into delivery (task_id, commit, patch) values ($1, $2, $3)
           on conflict (task_id) do update set commit = $2, patch = $3`,
          [fence.taskId, commit, patch],
        )
      }),
    async patch(taskId) {
      const { rows } = await pool.query<{ patch: Buffer }>('select patch from delivery where task_id = $1', [taskId])
      return rows[0]?.patch
    },
    saveReceipt: ({ receipt, ...fence }) =>
      inTransaction(pool, async (transaction) => {
        await lockFenced(transaction, fence)
        transaction.write(
          `insert into receipt (task_id, receipt) values ($1, $2) on conflict (task_id) do update set receipt = $2`,
          [fence.taskId, JSON.stringify(receipt)],
        )
      }),
    async receipt(taskId) {
      const { rows } = await pool.query<{ receipt: Receipt }>('select receipt from receipt where task_id = $1', [
        taskId,
      ])
      return rows[0]?.receipt
    },
  }
}
