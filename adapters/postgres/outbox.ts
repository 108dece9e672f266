import type { Pool } from 'pg'
import { invitationOf, type MessagePost } from '../../domain/chat/posting.ts'
import type { Aside, ClaimedPost, Outbox, OutboxState, OutboxTarget, Outcome, Post } from '../../domain/ports/outbox.ts'
import { MESSAGES_PER_TASK } from '../../domain/limits.ts'
import { addressOf, type AddressRow } from './chat-addresses.ts'
import { IS_DOUBLED, noteReport } from './delivery-reports.ts'
import { OUTBOX_TOPIC, type Notifications } from './notifications.ts'
import type { Value } from './task-rows.ts'
import type { Reader } from './transaction.ts'

/** Services slow down who edits faster; more often nobody can read it. */
const EDIT_EVERY_MS = 1_000

interface OutboxRow {
  id: string
  post: Post
  attempt: number
  created_at: Date
  released_at: Date | null
  of_provider_id: string | null
  address: AddressRow | null
}

/** Messages that leave the gateway in PostgreSQL. */
export function createOutbox(pool: Pool, notifications: Notifications): Outbox {
  return {
    post: (posts) => insertPosts(pool, posts),
    claim: (target) => claim(pool, target),
    async dueInMs(target) {
      const { rows } = await pool.query<{ ms: number | null }>(
        `select (extract(epoch from min(due_at) - now()) * 1000)::double precision as ms from outbox
         where target = $1 and state in ('pending', 'sending') and due_at < 'infinity'`,
        [target],
      )
      return rows[0]?.ms ?? undefined
    },
    async settle({ id, attempt, outcome }) {
      const { rowCount } = await pool.query(SETTLE, [id, attempt, ...settledColumns(outcome)])
      return rowCount === 1
    },
    async report(reports) {
      const doubled: string[] = []
      for (const report of reports) if (await noteReport(pool, report)) doubled.push(report.reference)
      return doubled
    },
    async invite({ id }) {
      const { rows } = await pool.query<{ post: MessagePost; last_word: string }>(
        `select post, (select max(m.number) from chat_message m where m.conversation = o.conversation) as last_word
         from outbox o where id = $1 and type = 'message' and state = 'pending' and due_at = 'infinity' and (${TOLD_OF_TASK}) < $2 and (${MAY_INVITE})`,
        [id, MESSAGES_PER_TASK],
      )
      for (const row of rows) await insertPosts(pool, [invitationOf(row.post, Number(row.last_word))])
    },
    async interrupted(target) {
      const { rows } = await pool.query<OutboxRow & { readonly claimed_ms: number }>(
        `select *, ${NOT_ITS_OWN}, (extract(epoch from now() - coalesce(claimed_at, created_at)) * 1000)::float8 as claimed_ms
         from outbox o where target = $1 and state = 'sending' order by number`,
        [target],
      )
      return rows.map((row) => ({ ...claimedOf(row), claimedMs: row.claimed_ms }))
    },
    async shown(id) {
      const { rows } = await pool.query<{ post: MessagePost }>(
        `select post from outbox where id = any(array[$1, $1 || '/edit']) order by type = 'edit' desc limit 1`,
        [id],
      )
      return rows[0]?.post
    },
    async asides(taskId) {
      const { rows } = await pool.query<{ post: Aside }>(
        `select post from outbox where task_id = $1 and type = 'aside' and state = 'held' order by number`,
        [taskId],
      )
      return rows.map(({ post }) => post)
    },
    async taskOf({ conversation, providerId }) {
      const { rows } = await pool.query<{ task_id: string | null }>(
        'select task_id from outbox where conversation = $1 and provider_id = $2 and task_id is not null limit 1',
        [conversation, providerId],
      )
      return rows[0]?.task_id ?? undefined
    },
    async counts(of) {
      const { rows } = await pool.query<{ state: OutboxState | 'doubled'; count: number }>(
        `with counted as (select state, copies from outbox where type <> 'aside' ${of ? 'and task_id = $1' : ''})
         select state, count(*)::integer as count from counted group by state
         union all select 'doubled', count(*)::integer from counted where ${IS_DOUBLED} having count(*) > 0`,
        of ? [of.taskId] : [],
      )
      return Object.fromEntries(rows.map(({ state, count }) => [state, count]))
    },
    subscribe: (listener) => notifications.subscribe(OUTBOX_TOPIC, listener),
  }
}

/** Answers to commands are no news of a task. */
const TOLD_OF_TASK = `select count(*) from outbox t where t.task_id = o.task_id
  and (t.type = 'invitation' or (t.type = 'message' and starts_with(t.id, o.task_id || '/')))`

/** Until a task has ended it may have to ask, and will have to tell the end: one message alone is left for this. */
const MAY_INVITE = `exists (select from outbox t where t.id = o.task_id || '/end')
  or not exists (select from outbox t where t.task_id = o.task_id and t.type = 'invitation')`

/** Writes an aside, which nobody sends, in the transaction of whoever has a reason to. */
export function insertionOf(aside: Aside): readonly [sql: string, values: unknown[]] {
  const values: unknown[] = []
  return [asideInserted(aside, (of) => `$${values.push(of)}`), values]
}

/** The same as a part of a statement: with a row of `from`. */
export const asideInserted = (aside: Aside, value: Value, from?: string): string =>
  `insert into outbox (id, target, type, conversation, task_id, post, state, due_at)
   select ${value(aside.id)}, 'aside', 'aside', ${value(aside.conversation)}, ${value(aside.taskId)},
     ${value(JSON.stringify(aside))}::json, 'held', 'infinity' ${from ? `from ${from}` : ''} on conflict (id) do nothing`

/** Also in the transaction of whoever has a reason to post. */
export async function insertPosts(reader: Reader, posts: readonly Post[]): Promise<void> {
  for (const post of posts)
    await reader.query(post.type === 'edit' ? UPSERT_EDIT : INSERT, [
      post.id,
      post.type,
      post.type === 'callback' ? post.taskId : post.conversation,
      ('taskId' in post ? post.taskId : undefined) ?? null,
      JSON.stringify(post),
      OUTBOX_TOPIC,
      ...(post.type === 'edit' ? [EDIT_EVERY_MS] : []),
    ])
}

/** A conversation belongs to one channel; what belongs to none is a callback. */
const TARGET = `coalesce((select channel from chat_conversation where id = $3), 'callback')`
const INSERT = `
  with added as (
    insert into outbox (id, target, type, conversation, task_id, post) values ($1, ${TARGET}, $2, $3, $4, $5)
    on conflict (id) do nothing returning 1)
  select pg_notify('task_event', $6) from added`
const UPSERT_EDIT = `
  with added as (
    insert into outbox (id, target, type, conversation, task_id, post) values ($1, ${TARGET}, $2, $3, $4, $5)
    on conflict (id) do update set post = excluded.post, version = outbox.version + 1,
      state = case when outbox.state in ('sent', 'failed', 'unknown') then 'pending' else outbox.state end,
      due_at = case when outbox.state = 'pending' then outbox.due_at
        else greatest(now(), outbox.sent_at + make_interval(secs => $7 / 1000.0)) end
    returning 1)
  select pg_notify('task_event', $6) from added`

/** What a post has from its conversation and, when it changes a message, from that. */
const NOT_ITS_OWN = `(select provider_id from outbox m where m.id = o.post ->> 'of') as of_provider_id,
  (select row_to_json(c) from chat_conversation c where c.id = o.conversation) as address`

/**
 * Messages of a conversation leave in their order, one at a time: one that waits holds the later ones back. Edits wait
 * for their message alone.
 */
async function claim(pool: Pool, target: OutboxTarget): Promise<ClaimedPost | undefined> {
  const { rows } = await pool.query<OutboxRow>(
    `update outbox o set state = 'sending', attempt = attempt + 1, due_at = 'infinity', sent_version = version, claimed_at = now()
     where number = (
       select c.number from outbox c where c.target = $1 and c.due_at <= now()
         and (c.state = 'pending' or (c.state = 'sending' and c.type in ('message', 'invitation')))
         and case c.type
           when 'message' then not exists (
             select 1 from outbox e where e.conversation = c.conversation and e.type = 'message'
               and e.state in ('pending', 'sending') and e.number < c.number)
           when 'edit' then not exists (
             select 1 from outbox m where m.id = c.post ->> 'of' and m.state in ('pending', 'sending'))
           else true end
       order by c.number limit 1 for update skip locked)
     returning *, ${NOT_ITS_OWN}`,
    [target],
  )
  return rows[0] && claimedOf(rows[0])
}

const claimedOf = (row: OutboxRow): ClaimedPost => ({
  post: row.post,
  attempt: row.attempt,
  since: (row.released_at ?? row.created_at).toISOString(),
  ...(row.address && { to: addressOf(row.address) }),
  ...(row.of_provider_id !== null && { providerId: row.of_provider_id }),
})

/** An edit that changed while it was sent goes out again: the newest is never lost. */
const SETTLE = `
  update outbox set
    state = case when $3 = 'sent' and sent_version < version then 'pending' else $3 end,
    due_at = case when $3 = 'sent' then now() + make_interval(secs => ${EDIT_EVERY_MS} / 1000.0)
      when $6::double precision is null then 'infinity' else now() + make_interval(secs => $6 / 1000.0) end,
    sent_at = case when $3 = 'sent' then now() else sent_at end,
    provider_id = coalesce($4, provider_id), reason = $5
  where id = $1 and attempt = $2 and (state = 'sending' or (state = 'unknown' and $3 = 'sent'))`

function settledColumns(outcome: Outcome): readonly [string, string | null, string | null, number | null] {
  const { state } = outcome
  if (state === 'sent') return [state, outcome.providerId ?? null, null, null]
  const after = 'afterMs' in outcome && outcome.afterMs !== 'forever' ? outcome.afterMs : null
  return [state, null, outcome.reason.slice(0, 500), after]
}
