import pg from 'pg'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openStore } from '../../adapters/postgres/store.ts'
import type { Outcome } from '../../domain/ports/outbox.ts'
import type { Store } from '../../domain/ports/store.ts'
import { chatMessage, messagePost, received } from '../support/chat/messages.ts'
import { freshDatabase } from '../support/database.ts'

let database: pg.Client
let store: Store
beforeEach(async () => {
  const url = await freshDatabase()
  store = await openStore({ url, connections: 2 })
  database = new pg.Client(url)
  await database.connect()
})
afterEach(async () => {
  await store.close()
  await database.end()
})

it.each([
  ['2 days 23 hours', 'sent again', { pending: 1 }],
  ['3 days 1 hour', 'given up', { failed: 1 }],
])('a message written %s ago that could not be delivered for now is %s', async (age, _, counts) => {
  await store.outbox.post([messagePost(await received(store, chatMessage()), { id: 'p1' })])
  const claimed = await store.outbox.claim('telegram')
  await store.outbox.settle({ id: 'p1', attempt: claimed?.attempt ?? 0, outcome: { state: 'sent', providerId: '42' } })
  await database.query(`update outbox set created_at = now() - $1::interval where id = 'p1'`, [age])
  await store.outbox.report([{ reference: 'p1', providerId: '42', outcome: 'later', afterMs: 0 }])
  expect(await store.outbox.counts()).toEqual(counts)
})

it('a message that waited for its person for four days has three more from the next word on', async () => {
  const settle = async (outcome: Outcome) => {
    const claimed = await store.outbox.claim('telegram')
    await store.outbox.settle({ id: 'p1', attempt: claimed?.attempt ?? 0, outcome })
    return claimed
  }
  await store.outbox.post([messagePost(await received(store, chatMessage()), { id: 'p1' })])
  await settle({ state: 'pending', reason: 'silent for a day', afterMs: 'forever' })
  await database.query(`update outbox set created_at = now() - interval '4 days' where id = 'p1'`)
  await received(store, chatMessage())
  const claimed = await settle({ state: 'sent', providerId: '42' })
  expect(Date.now() - Date.parse(claimed?.since ?? '')).toBeLessThan(60_000)
  await store.outbox.report([{ reference: 'p1', providerId: '42', outcome: 'later', afterMs: 0 }])
  expect(await store.outbox.counts()).toEqual({ pending: 1 })
})
