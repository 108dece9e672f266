import type { Pool } from 'pg'
import type { ArtifactStore, Checkpoint } from '../../domain/ports/store.ts'
import type { Receipt } from '../../domain/receipt.ts'
import { familyBase } from './subtasks.ts'
import { lockFenced } from './task-rows.ts'
import { inTransaction, type Transaction } from './transaction.ts'

/** Checkpoints, base commits, patches and receipts in PostgreSQL. */
export function createArtifactStore(pool: Pool): ArtifactStore {
  return {
    async checkpoint(taskId) {
      const { rows } = await pool.query<Checkpoint>('select commit, tree, bundle from checkpoint where task_id = $1', [
        taskId,
      ])
      return rows[0]
    },
    saveCheckpoint: ({ checkpoint, ...fence }) =>
      inTransaction(pool, async (transaction) => {
        await lockFenced(transaction, fence)
        writeCheckpoint(transaction, fence.taskId, checkpoint)
      }),
    assertSeat: (fence) =>
      inTransaction(pool, async (transaction) => {
        await lockFenced(transaction, fence)
      }),
    fixBase: ({ baseCommit, ...fence }) =>
      inTransaction(pool, async (transaction) => {
        const task = await lockFenced(transaction, fence)
        if (task.base_commit !== null) return task.base_commit
        const base = task.parent_id === null ? baseCommit : await familyBase(transaction, task.parent_id, baseCommit)
        transaction.write('update task set base_commit = $2 where id = $1', [task.id, base])
        return base
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

/** Replaces the state a task's files were last in. */
export function writeCheckpoint(transaction: Transaction, taskId: string, { commit, tree, bundle }: Checkpoint): void {
  transaction.write(
    `insert into checkpoint (task_id, commit, tree, bundle) values ($1, $2, $3, $4)
     on conflict (task_id) do update set commit = $2, tree = $3, bundle = $4, made_at = now()`,
    [taskId, commit, tree, bundle],
  )
}
