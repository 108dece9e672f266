import type { Pool } from 'pg'
import type { ArtifactStore, Checkpoint, Fence } from '../../domain/ports/store.ts'
import type { Receipt } from '../../domain/receipt.ts'
import { assertSeat, fenced, FENCED } from './fence.ts'
import { eventsWritten, WATCHERS_WOKEN } from './task-rows.ts'

/** Checkpoints, base commits, patches and receipts in PostgreSQL. */
export function createArtifactStore(pool: Pool): ArtifactStore {
  return {
    async checkpoint(taskId) {
      const { rows } = await pool.query<Checkpoint>('select commit, tree, bundle from checkpoint where task_id = $1', [
        taskId,
      ])
      return rows[0]
    },
    saveCheckpoint: ({ checkpoint: { commit, tree, bundle }, ...fence }) =>
      save(pool, fence, { text: SAVE_CHECKPOINT, values: [fence.taskId, fence.seat, commit, tree, bundle] }),
    assertSeat: (fence) => assertSeat(pool, fence),
    async base(taskId) {
      const { rows } = await pool.query<{ base_commit: string | null }>(
        `select coalesce(task.base_commit, whole.base_commit) as base_commit
         from task left join task whole on whole.id = task.parent_id where task.id = $1`,
        [taskId],
      )
      return rows[0]?.base_commit ?? undefined
    },
    fixBase: ({ baseCommit, ...fence }) =>
      fenced(pool, fence, async () => {
        const { rows } = await pool.query<{ base_commit: string }>(FIX_BASE, [fence.taskId, fence.seat, baseCommit])
        return rows[0]?.base_commit
      }),
    saveDelivery: ({ commit, patch, receipt, event, ...fence }) => {
      const values: unknown[] = [fence.taskId, fence.seat, commit, patch, JSON.stringify(receipt)]
      const written = eventsWritten({ from: 'kept' }, [event], (value) => `$${values.push(value)}`)
      return save(pool, fence, { text: `${SAVE_DELIVERY}, ${written} ${WATCHERS_WOKEN}`, values })
    },
    async patch(taskId) {
      const { rows } = await pool.query<{ patch: Buffer }>('select patch from delivery where task_id = $1', [taskId])
      return rows[0]?.patch
    },
    async receipt(taskId) {
      const { rows } = await pool.query<{ receipt: Receipt }>('select receipt from receipt where task_id = $1', [
        taskId,
      ])
      return rows[0]?.receipt
    },
  }
}

/** Carries out one statement that writes behind {@link FENCED}. */
async function save(
  pool: Pool,
  fence: Fence,
  { text, values }: { readonly text: string; readonly values: unknown[] },
): Promise<void> {
  await fenced(pool, fence, async () => {
    const { rowCount } = await pool.query(text, values)
    return rowCount === 1 || undefined
  })
}

/** Replaces the state the files of a task, which `from` gives, were last in. */
export const checkpointSaved = (from: string, [commit, tree, bundle]: readonly string[]): string => `
  insert into checkpoint (task_id, commit, tree, bundle) select id, ${commit}, ${tree}, ${bundle}::bytea from ${from}
  on conflict (task_id) do update
    set commit = excluded.commit, tree = excluded.tree, bundle = excluded.bundle, made_at = now()`

const SAVE_CHECKPOINT = `with ${FENCED} ${checkpointSaved('fenced', ['$3', '$4', '$5'])}`

/** The first commit that is fixed stays, for a task and all of its sub-tasks. */
const FIX_BASE = `
  with ${FENCED},
  whole as (
    update task set base_commit = coalesce(task.base_commit, $3) from fenced
    where task.id = fenced.parent_id and fenced.base_commit is null returning task.base_commit)
  update task set base_commit = coalesce(task.base_commit, family.base, $3)
  from (select fenced.id, whole.base_commit as base from fenced left join whole on true) family
  where task.id = family.id returning task.base_commit`

const SAVE_DELIVERY = `
  with ${FENCED},
  delivered as (
    insert into delivery (task_id, commit, patch) select id, $3, $4::bytea from fenced
    on conflict (task_id) do update set commit = excluded.commit, patch = excluded.patch),
  kept as (
    insert into receipt (task_id, receipt) select id, $5::json from fenced
    on conflict (task_id) do update set receipt = excluded.receipt returning task_id as id)`
