import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openStore } from '../../adapters/postgres/store.ts'
import type { BuilderRegistry } from '../../domain/ports/store.ts'
import { freshDatabase } from '../support/database.ts'
import { STORES, type OpenedStore } from '../support/stores.ts'

const BUILDER: Parameters<BuilderRegistry['report']>[0] = {
  ...{ id: 'b1', pid: 4_000_000, host: 'h', state: 'starting', seats: 4, seatsUsed: 0, tasks: [], restarts: 2 },
  ...{ cpu: 0, rssBytes: 1, supervised: true },
}

describe.each(Object.entries(STORES))('the builders of %s', (_, open) => {
  let opened: OpenedStore
  let builders: BuilderRegistry
  beforeEach(async () => {
    opened = await open()
    builders = opened.store.builders
  })
  afterEach(() => opened.close())

  it('are what was reported last, with the times of the first and the last report', async () => {
    await builders.report(BUILDER)
    const [first] = await builders.list()
    expect(first).toEqual({
      ...BUILDER,
      startedAt: expect.any(String),
      lastHeartbeatAt: first?.startedAt,
      idleSince: first?.startedAt,
    })
    const now = {
      state: 'busy',
      seatsUsed: 2,
      tasks: ['task-1', 'task-"2"'],
      cpu: 0.75,
      rssBytes: 8 * 2 ** 30,
    } as const
    await new Promise((resolve) => setTimeout(resolve, 5))
    await opened.other.builders.report({ ...BUILDER, ...now })
    const [last] = await builders.list()
    expect(last).toEqual({ ...BUILDER, ...now, startedAt: first?.startedAt, lastHeartbeatAt: expect.any(String) })
    expect(Date.parse(last?.lastHeartbeatAt ?? '')).toBeGreaterThan(Date.parse(first?.lastHeartbeatAt ?? ''))
  })

  it('are listed oldest first and forgotten when removed, once or twice', async () => {
    for (const id of ['b3', 'b1', 'b2']) await builders.report({ ...BUILDER, id })
    expect((await opened.other.builders.list()).map(({ id }) => id)).toEqual(['b3', 'b1', 'b2'])
    for (let count = 0; count < 2; count++) await builders.remove('b1')
    expect((await opened.other.builders.list()).map(({ id }) => id)).toEqual(['b3', 'b2'])
  })

  it('beat when they reported lately', async () => {
    await builders.report(BUILDER)
    expect(await opened.other.builders.beats('b1', 4_000)).toBe(true)
    expect(await opened.other.builders.beats('b2', 4_000)).toBe(false)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(await opened.other.builders.beats('b1', 1)).toBe(false)
  })

  it('are idle since their last task ended, however often they report', async () => {
    await builders.report(BUILDER)
    const since = async () => (await opened.other.builders.list())[0]?.idleSince
    const started = await since()
    await builders.report({ ...BUILDER, state: 'idle' })
    expect(await since()).toBe(started)
    await builders.report({ ...BUILDER, state: 'busy', seatsUsed: 1 })
    expect(await since()).toBeUndefined()
    await builders.report({ ...BUILDER, state: 'idle' })
    expect(Date.parse((await since()) ?? '')).toBeGreaterThan(Date.parse(started ?? ''))
  })
})

describe('a builder of PostgreSQL that does not report', () => {
  it.each([
    ['idle', 9, 'idle'],
    ['idle', 11, 'lost'],
    ['busy', 11, 'lost'],
    ['starting', 59, 'starting'],
    ['starting', 61, 'lost'],
  ] as const)('is listed, %s since %i s, as %s', async (state, seconds, listed) => {
    const url = await freshDatabase()
    const store = await openStore({ url, connections: 2 })
    const client = new pg.Client(url)
    await client.connect()
    await store.builders.report({ ...BUILDER, state })
    await client.query(`update builder set last_heartbeat_at = now() - make_interval(secs => $1)`, [seconds])
    expect((await store.builders.list()).map((builder) => builder.state)).toEqual([listed])
    await client.end()
    await store.close()
  })
})
