import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openStore } from '../../adapters/postgres/store.ts'
import type { Store } from '../../domain/ports/store.ts'
import { freshDatabase } from '../support/database.ts'
import { acceptance } from '../support/stored-task.ts'

let url: string
let store: Store
let other: Store
let admin: pg.Client
beforeEach(async () => {
  url = await freshDatabase()
  store = await openStore({ url, connections: 2 })
  other = await openStore({ url, connections: 2 })
  const system = new URL(url)
  system.pathname = '/postgres'
  admin = new pg.Client({ connectionString: system.href })
  await admin.connect()
})
afterEach(async () => {
  await allowConnections(true)
  await Promise.all([store.close(), other.close()])
  await admin.end()
})

const database = () => new URL(url).pathname.slice(1)
/** Lets the database refuse new connections, as one that is being restarted does. */
const allowConnections = (allow: boolean) => admin.query(`alter database ${database()} with allow_connections ${allow}`)
async function listeners(action: 'count' | 'kill'): Promise<number> {
  const { rows } = await admin.query<{ pid: number }>(
    `select pid ${action === 'kill' ? ', pg_terminate_backend(pid)' : ''} from pg_stat_activity
     where datname = $1 and application_name = 'openclaw-notifications'`,
    [database()],
  )
  return rows.length
}
const newTask = async () => (await store.tasks.accept(acceptance())).task.id
const say = (taskId: string) => other.tasks.note({ taskId, events: [{ type: 'message-sent' }] })

/** Watches a task and counts how often its watcher is woken. */
async function watched(taskId: string) {
  const listener = vi.fn<() => void>()
  const unsubscribe = await store.tasks.subscribe(taskId, listener)
  const wokenAfter = async (times: number) =>
    vi.waitFor(() => expect(listener.mock.calls.length).toBeGreaterThan(times), 5_000)
  return { times: () => listener.mock.calls.length, wokenAfter, unsubscribe }
}

describe('a watcher of a task', () => {
  it('is woken by every process that commits events, and only by those of its task', async () => {
    const taskId = await newTask()
    const watcher = await watched(taskId)
    await say(await newTask())
    await say(taskId)
    await watcher.wokenAfter(0)
    expect(watcher.times()).toBe(1)
  })

  it('is not woken by what was rolled back, nor after it left', async () => {
    const taskId = await newTask()
    const watcher = await watched(taskId)
    await expect(other.tasks.move({ taskId, to: 'completed', events: [{ type: 'task-ended' }] })).rejects.toThrow()
    await say(taskId)
    await watcher.wokenAfter(0)
    watcher.unsubscribe()
    await say(taskId)
    const late = await watched(taskId)
    await say(taskId)
    await late.wokenAfter(0)
    expect(watcher.times()).toBe(1)
  })

  it('shares one connection with all others of its process, which ends with the store', async () => {
    const tasks = await Promise.all(Array.from({ length: 20 }, newTask))
    await Promise.all(tasks.map(watched))
    expect(await listeners('count')).toBe(1)
    await store.close()
    await vi.waitFor(async () => expect(await listeners('count')).toBe(0), 5_000)
    store = await openStore({ url, connections: 2 })
  })
})

describe('when the listening connection is killed', () => {
  it('its watchers are woken, to read what they missed, and hear of everything later', async () => {
    const taskId = await newTask()
    const watcher = await watched(taskId)
    expect(await listeners('kill')).toBe(1)
    await watcher.wokenAfter(0)
    await vi.waitFor(async () => expect(await listeners('count')).toBe(1), 5_000)
    await vi.waitFor(async () => {
      const before = watcher.times()
      await say(taskId)
      await vi.waitFor(() => expect(watcher.times()).toBeGreaterThan(before), 500)
    }, 5_000)
  })

  it('nothing is missed while the database is away, and it is not hammered with attempts', async () => {
    const taskId = await newTask()
    const watcher = await watched(taskId)
    await say(taskId)
    await watcher.wokenAfter(0)
    await allowConnections(false)
    await listeners('kill')
    await new Promise((resolve) => setTimeout(resolve, 700))
    const meanwhile = watcher.times()
    expect(meanwhile).toBeLessThan(6)
    // Its connections are open already: this process can still write.
    await say(taskId)
    await allowConnections(true)
    await watcher.wokenAfter(meanwhile)
    expect(await listeners('count')).toBe(1)
  })

  it('nobody opens it again when nobody watches', async () => {
    const watcher = await watched(await newTask())
    watcher.unsubscribe()
    await listeners('kill')
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(await listeners('count')).toBe(0)
    const again = await newTask()
    const next = await watched(again)
    await say(again)
    await next.wokenAfter(0)
  })
})
