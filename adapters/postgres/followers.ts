import type { Pool } from 'pg'
import type { Follower, FollowerStore, OutboxTarget } from '../../domain/ports/outbox.ts'
import { ANY_TASK_TOPIC, type Notifications } from './notifications.ts'
import { insertPosts } from './outbox.ts'
import { inTransaction } from './transaction.ts'

interface FollowerRow {
  task_id: string
  target: OutboxTarget
  conversation: string | null
  url: string | null
  seen: number
  asked: number
}

/** Who is told about tasks, in PostgreSQL. */
export function createFollowerStore(pool: Pool, notifications: Notifications): FollowerStore {
  return {
    async behind({ targets, limit }) {
      const { rows } = await pool.query<FollowerRow>(
        `select f.* from follower f join task t on t.id = f.task_id
         where f.ended_at is null and f.target = any($1) and t.sequence > f.seen order by f.task_id limit $2`,
        [targets, limit],
      )
      return rows.map(followerOf)
    },
    advance: (step) =>
      inTransaction(pool, async (transaction) => {
        const { rowCount } = await transaction.query(
          `update follower set seen = $4, asked = $5, ended_at = case when $6 then now() end
           where task_id = $1 and target = $2 and seen = $3`,
          [step.taskId, step.target, step.from, step.to, step.asked, step.hasEnded],
        )
        if (rowCount === 1) await insertPosts(transaction, step.posts)
      }),
    subscribe: (listener) => notifications.subscribe(ANY_TASK_TOPIC, listener),
  }
}

const followerOf = (row: FollowerRow): Follower => ({
  taskId: row.task_id,
  target: row.target,
  seen: row.seen,
  asked: row.asked,
  ...(row.conversation !== null && { conversation: row.conversation }),
  ...(row.url !== null && { url: row.url }),
})
