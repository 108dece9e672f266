import pg from 'pg'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { openStore } from '../../adapters/postgres/store.ts'
import type { Leadership, Store } from '../../domain/ports/store.ts'
import { freshDatabase } from '../support/database.ts'

/** Two gateways on one database, and somebody who looks on. */
let stores: Store[]
let client: pg.Client
beforeEach(async () => {
  const url = await freshDatabase()
  stores = [await openStore({ url, connections: 2 }), await openStore({ url, connections: 2 })]
  client = new pg.Client({ connectionString: url })
  await client.connect()
})
afterEach(async () => {
  await Promise.all(stores.map((store) => store.close()))
  await client.end()
})

const connections = async () =>
  (
    await client.query(`select pid from pg_stat_activity where datname = current_database()
       and application_name = 'openclaw-pool'`)
  ).rows.map(({ pid }) => pid as number)
const elected = (store: Store): Promise<Leadership> =>
  vi.waitFor(async () => {
    const leadership = await store.tryToLead('pool')
    if (!leadership) throw new Error('It waits still.')
    return leadership
  })

it('an office is held by one at a time, and goes to who waits when it is resigned', async () => {
  const [one, other] = stores as [Store, Store]
  const held = await one.tryToLead('pool')
  expect(held?.lost.aborted).toBe(false)
  expect(await other.tryToLead('pool')).toBeUndefined()
  const another = await other.tryToLead('another')
  expect(another).toBeDefined()
  await held?.resign()
  expect(held?.lost.aborted).toBe(true)
  const next = await elected(other)
  expect(await one.tryToLead('pool')).toBeUndefined()
  await Promise.all([next.resign(), another?.resign()])
})

it('who asks for a held office many times waits with one connection', async () => {
  const [one, other] = stores as [Store, Store]
  const held = await one.tryToLead('pool')
  await other.tryToLead('pool')
  const before = await connections()
  for (let times = 0; times < 20; times++) expect(await other.tryToLead('pool')).toBeUndefined()
  expect(before).toHaveLength(2)
  expect(await connections()).toEqual(before)
  await held?.resign()
})

it('a wait that breaks off is followed by another', async () => {
  const [one, other] = stores as [Store, Store]
  const held = await one.tryToLead('pool')
  const [holder] = await connections()
  await other.tryToLead('pool')
  const waiting = (await connections()).filter((pid) => pid !== holder)
  await client.query('select pg_terminate_backend($1)', [waiting[0]])
  await vi.waitFor(async () => expect(await connections()).toEqual([holder]))
  await held?.resign()
  await (await elected(other)).resign()
})

it('a store that is closed while it waits ends at once, and leaves the office to the next', async () => {
  const [one, other] = stores as [Store, Store]
  const held = await one.tryToLead('pool')
  await other.tryToLead('pool')
  const begun = Date.now()
  await other.close()
  expect(Date.now() - begun).toBeLessThan(1_000)
  stores.pop()
  await held?.resign()
  await (await elected(one)).resign()
})
