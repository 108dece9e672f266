import type { Pool } from 'pg'
import type { Follower, FollowerStore, OutboxTarget } from '../../domain/ports/outbox.ts'
import { ANY_TASK_TOPIC, type Notifications } from './notifications.ts'
import { insertionOf, insertPosts } from './outbox.ts'
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
           where task_id = $1 and target = $2 and seen = $3 and asked = $7`,
          [step.taskId, step.target, step.from.seen, step.to, step.asked, step.hasEnded, step.from.asked],
        )
        if (rowCount !== 1) return
        await insertPosts(transaction, step.posts)
        transaction.write(`update outbox set state = 'sent' where type = 'aside' and id = any($1)`, [step.asides ?? []])
      }),
    tell: ({ aside, target, most }) =>
      inTransaction(pool, async (transaction) => {
        const { id, taskId, conversation } = aside
        const { rows } = await transaction.query<{ asked: number; is_told: boolean }>(
          `select asked, exists (select from outbox where id = $4) as is_told from follower
           where task_id = $1 and target = $2 and conversation = $3 for update`,
          [taskId, target, conversation, id],
        )
        const [follower] = rows
        if (follower?.is_told === true) return
        if (follower && follower.asked >= most) return transaction.write(...insertionOf(aside))
        transaction.write(
          'update follower set asked = asked + 1 where task_id = $1 and target = $2 and conversation = $3',
          [...[taskId, target, conversation]],
        )
        await insertPosts(transaction, [{ ...aside, type: 'message', buttons: [] }])
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
