import type { Pool } from 'pg'
import { GatewayError } from '../../domain/errors.ts'
import type { Acceptance, TaskStore } from '../../domain/ports/store.ts'
import type { Task } from '../../domain/task.ts'
import { taskInserted, taskValues } from './new-task.ts'
import { asideInserted } from './outbox.ts'
import { eventsAdded, TASK_COLUMNS, taskOf, type TaskRow, type Value } from './task-rows.ts'
import type { Reader } from './transaction.ts'

/** Accepts a request once for its key, in one statement. */
export async function accept(pool: Pool, acceptance: Acceptance): ReturnType<TaskStore['accept']> {
  const { rows } = await pool.query<TaskRow>(...accepting(acceptance))
  if (rows[0]) return { task: taskOf(rows[0]), created: true }
  // A request with the same key was first; its task is visible now that its transaction ended.
  return { task: (await knownTask(pool, acceptance)) as Task, created: false }
}

/** The request under its key, its task with the first event, and whoever hears of it from that event on. */
function accepting(acceptance: Acceptance): [text: string, values: unknown[]] {
  const { id, tenant, channel, key, digest, requester, conversation, aside } = acceptance
  const values = taskValues(acceptance)
  const value: Value = (of) => `$${values.push(of)}`
  const followers = followersOf(acceptance)
  const [targets, conversations, urls] = (['target', 'conversation', 'url'] as const).map((field) =>
    value(followers.map((follower) => follower[field] ?? null)),
  )
  const parts = [
    `taken as (
      insert into inbox (tenant, channel, key, digest, task_id)
      values (${[tenant, channel, key, digest, id].map(value).join(', ')}) on conflict do nothing returning task_id)`,
    `written as (${taskInserted({ events: 1, from: 'taken' })})`,
    eventsAdded([{ type: 'task-received', data: { channel, requester } }], value),
    `following as (
      insert into follower (task_id, target, conversation, url)
      select written.id, f.target, f.conversation, f.url from written,
        unnest(${targets}::text[], ${conversations}::text[], ${urls}::text[]) as f (target, conversation, url))`,
  ]
  if (conversation !== undefined && aside)
    parts.push(
      `saying as (${asideInserted({ id: `${id}/aside`, taskId: id, conversation, text: aside }, value, 'written')})`,
    )
  return [`with ${parts.join(', ')} select ${TASK_COLUMNS}, pg_notify('task_event', id) from written`, values]
}

interface FirstFollower {
  readonly target: string
  readonly conversation?: string
  readonly url?: string
}

/** The chat a task came from, and the address its requester named. */
function followersOf({ channel, conversation, request }: Acceptance): readonly FirstFollower[] {
  const chat = conversation === undefined ? [] : [{ target: channel, conversation }]
  const callback = request.callbackUrl === undefined ? [] : [{ target: 'callback', url: request.callbackUrl }]
  return [...chat, ...callback]
}

/** The task a key stands for already. */
export async function knownTask(
  reader: Reader,
  { tenant, channel, key, digest }: Parameters<TaskStore['accepted']>[0],
): Promise<Task | undefined> {
  const { rows } = await reader.query<TaskRow & { digest: string }>(KNOWN_TASK, [tenant, channel, key])
  const row = rows[0]
  if (row && row.digest !== digest)
    throw new GatewayError(
      'idempotency_key_reused',
      'This Idempotency-Key was used for another request. Send the same body again, or a new key.',
    )
  return row && taskOf(row)
}

const OF_KEY = 'from inbox where tenant = $1 and channel = $2 and key = $3'
const KNOWN_TASK = `
  select ${TASK_COLUMNS}, (select digest ${OF_KEY}) as digest from task where id = (select task_id ${OF_KEY})`
