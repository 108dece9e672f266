import pg from 'pg'
import { ulid } from 'ulidx'
import { beforeAll, describe, expect, it } from 'vitest'
import { openStore } from '../../adapters/postgres/store.ts'
import type { Store } from '../../domain/ports/store.ts'
import type { Understanding } from '../../domain/understanding.ts'
import { freshDatabase } from '../support/database.ts'
import { chatMessage, messagePost } from '../support/chat/messages.ts'
import { acceptance, ANSWERED, answeredTurn, call, taskIn } from '../support/stored-task.ts'

const TASKS = 20_000
/** Every tenth task is somebody else's; one in 21 has not ended. */
const FILL = [
  `insert into task (id, tenant, requester, channel, title, kind, state, priority, prompt, request, max_turns, ended_at, started_at, builder_id)
   select 'task-' || lpad(upper(to_hex(n)), 26, '0'), case when n % 10 = 0 then 'other' else 'default' end, 'key:' || n % 500, 'api',
     'Task ' || n, 'code', case when n % 21 = 0 then 'building' else 'completed' end, 3, 'Fix the parser', '{"prompt":"Fix the parser"}', 100,
     case when n % 21 = 0 then null else now() end, now(), 'builder-' || n % 1000
   from generate_series(1, ${TASKS}) as n`,
  `insert into inbox (tenant, channel, key, digest, task_id) select tenant, channel, id, 'd1', id from task`,
  `insert into event (task_id, sequence, type, data) select id, n, 'message-sent', '{}' from task, generate_series(1, 3) as n`,
  `insert into turn (task_id, number, model, parts) select id, n, 'm', '[{"text":"x"}]' from task, generate_series(1, 2) as n`,
  `insert into model_call (task_id, turn, model, usage, usd) select id, 1, 'm', '{}', 0 from task`,
  `insert into tool_call (task_id, turn, position, id, name, args, decision, state, response, approval_id)
   select id, n, 0, 'c', 'glob', '{}', 'allow', 'finished', '{}', id || n from task, generate_series(1, 2) as n`,
  `insert into message (task_id, author, text, turn) select id, 'ada', 'x', 1 from task`,
  `insert into api_key (id, tenant, name, roles, hash) select 'key-' || n, 't' || n, 'n', '{viewer}', 'h' || n from generate_series(1, 5000) as n`,
  `insert into chat_conversation (id, channel, chat) select 'c' || n, 'telegram', n from generate_series(1, 5000) as n`,
  `insert into chat_message (channel, id, conversation, place, message, handled_at)
   select 'telegram', n, 'c' || 1 + n % 5000, n, '{}', case when n > 50 then now() end from generate_series(1, ${TASKS}) as n`,
  `insert into attachment (message, name, media_type, size, bytes)
   select number, 'n', 'text/plain', 1, 'x' from chat_message where number % 2 = 0`,
  `insert into chat_user (channel, sender, subject, name, tenant, roles)
   select 'telegram', n, 'key:key-' || n, 'n', 'default', '{viewer}' from generate_series(1, 5000) as n`,
  `insert into outbox (id, target, type, conversation, task_id, post, state, provider_id)
   select 'p' || n, 'telegram', 'message', 'c' || 1 + n % 5000, 'task-' || lpad(upper(to_hex(n)), 26, '0'), '{}', case when n > 50 then 'sent' else 'pending' end, n
   from generate_series(1, ${TASKS}) as n`,
  `insert into follower (task_id, target, conversation, seen, ended_at)
   select id, 'telegram', 'c7', 3, case when ended_at is not null then now() end from task where id ~ '[048C]$'`,
  'analyze',
]

let url: string
let admin: pg.Client
let taskId: string
beforeAll(async () => {
  url = await freshDatabase()
  const store = await openStore({ url, connections: 2 })
  admin = new pg.Client({ connectionString: url })
  await admin.connect()
  for (const statement of FILL) await admin.query(statement)
  // What a living connection has counted is else written seconds later, in the middle of an action.
  await admin.query('select pg_stat_force_next_flush()')
  taskId = (await taskIn(store, 'building')).taskId
  await store.close()
  return () => admin.end()
})

interface Reads {
  readonly table: string
  readonly scanned: number
  readonly fetched: number
}
async function reads(): Promise<readonly Reads[]> {
  // A connection has written its counts when it has gone.
  for (let others = 1; others > 0;)
    ({ rowCount: others } = (await admin.query(
      `select 1 from pg_stat_activity where datname = current_database() and application_name like 'openclaw%'`,
    )) as { rowCount: number })
  const { rows } = await admin.query<Reads>(
    `select relname as table, seq_tup_read::int as scanned, coalesce(idx_tup_fetch, 0)::int as fetched from pg_stat_user_tables order by relname`,
  )
  return rows
}

/** Which tables an action reads row by row, and how many rows it fetches through indexes. */
async function costOf(
  action: (store: Store) => Promise<unknown>,
): Promise<{ scanned: readonly string[]; fetched: number }> {
  const before = await reads()
  const store = await openStore({ url, connections: 1 })
  await action(store)
  await store.close()
  const after = await reads()
  const since = after.map(({ table, scanned, fetched }, index) => ({
    table,
    scanned: scanned - (before[index]?.scanned ?? 0),
    fetched: fetched - (before[index]?.fetched ?? 0),
  }))
  return {
    scanned: since.flatMap(({ table, scanned }) => (scanned > 1_000 ? [table] : [])),
    fetched: since.reduce((sum, { fetched }) => sum + fetched, 0),
  }
}

const KNOWN = `task-${'1'.padStart(26, '0')}`
const UNDERSTANDING: Understanding = {
  ...{ title: 'Part', kind: 'code', summary: 'A part', priority: 3, risk: 'low', needsRepository: true },
}
const page = { tenant: 'default', limit: 50 }
const HOT: Readonly<Record<string, (store: Store) => Promise<unknown>>> = {
  'accept a task': (store) => store.tasks.accept(acceptance()),
  'accept a known task': (store) => store.tasks.accept(acceptance({ id: `task-${ulid()}`, key: KNOWN })),
  'find a task': (store) => store.tasks.find(KNOWN, 'default'),
  'list the newest tasks': (store) => store.tasks.list(page),
  'list tasks after a cursor': async (store) => {
    const { nextCursor } = await store.tasks.list(page)
    return store.tasks.list({ ...page, cursor: nextCursor ?? '' })
  },
  'list the open tasks': (store) => store.tasks.list({ ...page, state: 'building' }),
  'list the tasks of one requester': (store) => store.tasks.list({ ...page, requester: 'key:7' }),
  'read events': (store) => store.tasks.events({ taskId: KNOWN, after: 1, limit: 200 }),
  'move a task': (store) =>
    store.tasks.move({ taskId, to: 'paused', unlessSteered: true, events: [{ type: 'message-sent' }] }),
  'read the work of a task': (store) => store.tasks.work(KNOWN),
  'look for unstarted tasks': (store) => store.tasks.unstarted({ olderThanMs: 0, limit: 100 }),
  'look for the tasks of a builder': (store) => store.tasks.heldBy('builder-21'),
  'take a turn': async (store) => {
    const fence = { taskId, seat: 1 }
    const at = { ...(await answeredTurn(store, fence, [call(0, { decision: 'ask' })])), position: 0 }
    await store.conversations.openApproval({ ...at, expiresAt: '2090-01-01T00:00:00Z' })
    await store.conversations.beginTool(at)
    await store.conversations.finishTool({ ...at, response: {}, ok: true, summary: '' })
    await store.conversations.nextTurn(taskId)
    await store.conversations.recordCall({ ...at, ...ANSWERED })
  },
  'build a task in parts': async (store) => {
    const part = { id: `task-${ulid()}`, request: { prompt: 'Part' }, understanding: UNDERSTANDING }
    await store.tasks.divide({ taskId, subtasks: [part] })
    await store.tasks.move({ taskId: part.id, to: 'understanding' })
    await store.conversations.recordCall({ taskId: part.id, turn: 0, ...ANSWERED })
    await store.tasks.work(part.id)
    await store.tasks.subtasks(taskId)
  },
  'take text of a person': async (store) => {
    await store.conversations.receive({ taskId, text: 'x', from: 'ada' })
    await store.conversations.unread(taskId)
  },
  'take a file of a chat': async (store) => {
    const [message] = await store.chats.receive([chatMessage({ chat: '7' })])
    const { number = 0 } = (await store.chats.next(message?.conversation ?? '')) ?? {}
    await store.attachments.heldBy(KNOWN)
    await store.attachments.settle({ message: number, outcome: { reason: 'unreadable' } })
    await store.attachments.outcome(number)
    await store.attachments.unread(KNOWN)
    await store.attachments.parts([number])
  },
  'know an approval': async (store) => {
    await store.conversations.hasApproval({ taskId: KNOWN, approvalId: `${KNOWN}1` })
    await store.conversations.taskOfApproval({ approvalId: `${KNOWN}1`, tenant: 'default' })
  },
  'read a transcript': (store) => store.conversations.transcript(KNOWN),
  'read the last words': (store) => store.conversations.lastWords(KNOWN),
  'take a chat message': async (store) => {
    await store.chats.receive([chatMessage()])
    await store.chats.next('c7')
    await store.chats.message(4711)
    await store.chats.tasks({ conversation: 'c7', limit: 20 })
  },
  'look for neglected chats': (store) => store.chats.neglected({ olderThanMs: 0, limit: 100 }),
  'know a chat user': (store) => store.chatUsers.callerOf({ channel: 'telegram', sender: { id: '4711' } }),
  'send a message': async (store) => {
    await store.outbox.post([messagePost('c4711')])
    const claimed = await store.outbox.claim('telegram')
    const outcome = { state: 'sent', providerId: '1' } as const
    await store.outbox.settle({ id: claimed?.post.id ?? '', attempt: claimed?.attempt ?? 0, outcome })
    await store.outbox.taskOf({ conversation: 'c7', providerId: '4711' })
  },
  'count the messages of a task': (store) => store.outbox.counts({ taskId: KNOWN }),
  'look for followers to tell': (store) => store.followers.behind({ targets: ['telegram'], limit: 50 }),
  'find a key': (store) => store.keys.findByHash('h4711'),
  'list the keys of a tenant': (store) => store.keys.list('t4711'),
  'read what was delivered': async (store) => {
    await store.artifacts.patch(KNOWN)
    await store.artifacts.receipt(KNOWN)
  },
}

describe(`with ${TASKS} tasks, to`, () => {
  it.each(Object.entries(HOT))('%s reads no table row by row, and few rows at all', async (_, action) => {
    const { scanned, fetched } = await costOf(action)
    expect(scanned).toEqual([])
    expect(fetched).toBeLessThan(1_100)
  })
})
