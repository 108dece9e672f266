import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openStore } from '../../adapters/postgres/store.ts'
import type { Store } from '../../domain/ports/store.ts'
import { freshDatabase } from '../support/database.ts'
import { startPostgresProxy, type PostgresProxy } from '../support/postgres-proxy.ts'
import { acceptance, eventTypes } from '../support/stored-task.ts'

let url: string
let proxy: PostgresProxy
const open: Store[] = []
beforeEach(async () => {
  url = await freshDatabase()
  proxy = await startPostgresProxy(url)
})
afterEach(async () => {
  await proxy.close()
  await Promise.allSettled(open.splice(0).map((store) => store.close()))
})

async function opened(at: string): Promise<Store> {
  const store = await openStore({ url: at, connections: 2 })
  open.push(store)
  return store
}
const newTask = async (store: Store) => (await store.tasks.accept(acceptance())).task.id
const said = (taskId: string) => ({ taskId, events: [{ type: 'message-sent' as const }] })

describe('a store', () => {
  it('tells the database to end statements and idle transactions after a minute', async () => {
    await opened(proxy.url)
    expect(proxy.startup()).toMatchObject({
      application_name: 'openclaw-gateway',
      statement_timeout: '60000',
      idle_in_transaction_session_timeout: '60000',
    })
  })

  it('gives up a statement that waits for a lock too long, and works on', async () => {
    const store = await opened(`${url}?statement_timeout=200`)
    const taskId = await newTask(store)
    const holder = new pg.Client({ connectionString: url })
    await holder.connect()
    await holder.query('begin')
    await holder.query('select 1 from task for update')
    await expect(store.tasks.note(said(taskId))).rejects.toThrow('statement timeout')
    await holder.end()
    await store.tasks.note(said(taskId))
    expect(await eventTypes(store, taskId)).toEqual(['task-received', 'message-sent'])
  })

  it('that freezes in the middle of a write does not hold its task for ever, and writes nothing', async () => {
    const frozen = await opened(`${proxy.url}?idle_in_transaction_session_timeout=200`)
    const taskId = await newTask(frozen)
    const other = await opened(url)
    proxy.freezeAfter('for update')
    const lost = frozen.conversations.receive({ taskId, text: 'late', from: 'ada' })
    const [noted] = await Promise.all([
      other.tasks.note(said(taskId)),
      expect(lost).rejects.toThrow('idle-in-transaction'),
    ])
    expect(noted.task.state).toBe('received')
    expect(await eventTypes(other, taskId)).toEqual(['task-received', 'message-sent'])
    await frozen.tasks.note(said(taskId))
    expect(await eventTypes(other, taskId)).toEqual(['task-received', 'message-sent', 'message-sent'])
  })

  it('works on while a newer gateway adds columns to what it reads and writes', async () => {
    const store = await opened(url)
    const taskId = await newTask(store)
    const use = async () => {
      await store.tasks.note({ taskId, change: { title: 'used' }, events: [] })
      return store.tasks.find(taskId, 'default')
    }
    await use()
    const newer = new pg.Client({ connectionString: url })
    await newer.connect()
    await newer.query('alter table task add column newer text')
    await newer.end()
    expect(await use()).toMatchObject({ id: taskId, title: 'used' })
  })

  it('works on after its connections were cut, the write of that moment done once or not at all', async () => {
    const store = await opened(proxy.url)
    const taskId = await newTask(store)
    const admin = new pg.Client({ connectionString: url })
    await admin.connect()
    let done = 0
    for (let round = 0; round < 5; round++) {
      const write = store.tasks.note(said(taskId)).then(
        () => (done += 1),
        () => undefined,
      )
      await admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and application_name = 'openclaw-gateway'`,
      )
      await write
    }
    await admin.end()
    const types = await eventTypes(store, taskId)
    // A commit whose answer was cut off is done, though nobody was told.
    expect(types.length - 1).toBeGreaterThanOrEqual(done)
    expect(types.length - 1).toBeLessThanOrEqual(5)
    await store.ping()
  })
})

describe('opening a store', () => {
  it('fails at once, with the reason, when nobody answers at the address', async () => {
    const nobody = await startPostgresProxy(url)
    await nobody.close()
    await expect(openStore({ url: nobody.url, connections: 1 })).rejects.toThrow('ECONNREFUSED')
  })

  it('fails with the reason when the password is wrong', async () => {
    const wrong = new URL(url)
    wrong.password = 'wrong'
    await expect(openStore({ url: wrong.href, connections: 1 })).rejects.toThrow('password authentication failed')
  })
})
