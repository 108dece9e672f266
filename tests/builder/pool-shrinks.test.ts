import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { expect, test } from 'vitest'
import type { BuilderRecord } from '../../domain/ports/store.ts'
import { useBuilderPools } from '../support/builder-pool.ts'

const pools = useBuilderPools()

async function become(wanted: (builders: readonly BuilderRecord[]) => boolean): Promise<readonly BuilderRecord[]> {
  for (;;) {
    const builders = await pools.store.builders.list()
    if (wanted(builders)) return builders
    await delay(100)
  }
}

/** Ends the connection that holds the office, as a database that fails over does. */
async function endOffice(): Promise<void> {
  const client = new pg.Client(pools.database)
  await client.connect()
  await client.query(
    `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted
       and database = (select oid from pg_database where datname = current_database())`,
  )
  await client.end()
}

test('builders of a gateway that leads no more are drained too when they are idle', { timeout: 240_000 }, async () => {
  const bounds = { min: 1, max: 3, seats: 1, idleTimeoutMs: 1_000 }
  const first = await pools.start({ bounds })
  first.waiting = 3
  const second = await pools.start({ bounds })
  await become((builders) => builders.filter(({ state }) => state === 'idle').length === 3)
  second.waiting = 3
  await endOffice()
  // What nobody asks for is the second's to start: it leads.
  while (!second.words.some(({ msg }) => msg === 'this gateway supervises the builders')) await delay(100)
  first.waiting = second.waiting = 0
  const [left] = await become((builders) => builders.length === 1)
  expect(first.words.filter(({ msg }) => msg === 'an idle builder is drained')).toHaveLength(2)
  expect(left).toMatchObject({ state: 'idle', supervised: true })
  expect(second.words.filter(({ msg }) => msg === 'the pool grows')).toEqual([])
})
