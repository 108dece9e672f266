import { setTimeout as delay } from 'node:timers/promises'
import { Client, Connection } from '@temporalio/client'
import { describe, expect, onTestFinished, test } from 'vitest'
import { FaultProxy } from '../../chaos/fault-proxy.ts'
import { useBuilderPools, type TestPool } from '../support/builder-pool.ts'

const pools = useBuilderPools()
/** Long enough for a builder of a busy machine to answer. */
const INTERVAL_MS = 6_000

async function wayTo(port: number): Promise<FaultProxy> {
  const proxy = await FaultProxy.to(port)
  onTestFinished(() => proxy.close())
  return proxy
}

/** Waits until the pool has said something so often. */
async function said({ words }: TestPool, msg: string, times = 1): Promise<void> {
  while (words.filter((word) => word.msg === msg).length < times) await delay(20)
}

describe('a pool', { timeout: 240_000 }, () => {
  test('keeps its builders while Temporal answers too slowly for them and for the pool itself', async () => {
    const line = await wayTo(Number(pools.temporalAddress.split(':')[1]))
    const address = `127.0.0.1:${line.port}`
    const connection = await Connection.connect({ address })
    onTestFinished(() => connection.close())
    const pool = await pools.start({
      healthIntervalMs: INTERVAL_MS,
      client: new Client({ connection }),
      environment: { TEMPORAL_ADDRESS: address },
    })
    await said(pool, 'a builder is healthy')
    // Four seconds there and back.
    line.slow(2_000)
    await said(pool, 'a service does not answer; no builder is blamed for it', 3)
    line.heal()
    expect(pool.words.filter(({ msg }) => msg === 'builder exited')).toEqual([])
  })

  test('replaces a builder that alone has lost the database, at the second check that finds it so', async () => {
    const url = new URL(pools.database)
    const line = await wayTo(Number(url.port))
    url.port = String(line.port)
    const pool = await pools.start({ healthIntervalMs: INTERVAL_MS, environment: { DATABASE_URL: url.href } })
    await said(pool, 'a builder is healthy')
    line.hold('there', 'back')
    await said(pool, 'builder exited')
    line.heal()
    await said(pool, 'a builder is healthy', 2)
    const [former, successor] = pool.words.filter(({ msg }) => msg === 'a builder is healthy')
    const story = pool.words.filter(({ builder }) => builder === former?.builder)
    expect(story.map(({ msg, fault }) => [msg, fault])).toEqual([
      ['a builder is healthy', undefined],
      ['a builder is doubtful; the next check decides', 'it cannot reach PostgreSQL'],
      ['an unhealthy builder is ended', 'it cannot reach PostgreSQL'],
      ['builder exited', undefined],
    ])
    expect(await pools.store.builders.list()).toMatchObject([{ id: successor?.builder, restarts: 1 }])
  })
})
