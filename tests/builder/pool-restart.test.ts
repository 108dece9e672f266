import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { kill } from '../../adapters/processes/kill.ts'
import type { BuilderRecord } from '../../domain/ports/store.ts'
import { useBuilderPools } from '../support/builder-pool.ts'

const pools = useBuilderPools()

/** Looks again and again until the only builder is an idle one that is not this one. */
async function idleBuilder(former?: BuilderRecord): Promise<BuilderRecord> {
  for (;;) {
    const [builder] = await pools.store.builders.list()
    if (builder?.state === 'idle' && builder.id !== former?.id) return builder
    await delay(20)
  }
}

async function until(happened: () => boolean): Promise<void> {
  while (!happened()) await delay(20)
}

describe('the successor of a builder that ended', () => {
  test('after a healthy check comes without any pause', { timeout: 240_000 }, async () => {
    const { words } = await pools.start({ healthIntervalMs: 2_000 })
    let builder = await idleBuilder()
    for (let times = 1; times <= 2; times++) {
      const { id } = builder
      await until(() => words.some(({ msg, builder: of }) => msg === 'a builder is healthy' && of === id))
      kill(builder.pid, 'SIGKILL')
      builder = await idleBuilder(builder)
      expect(builder.restarts).toBe(times)
    }
    expect(words.filter(({ msg }) => msg === 'builder exited').map(({ pauseMs }) => pauseMs)).toEqual([0, 0])
  })

  test(
    'before its first healthy check waits longer each time, however ready its line and others were',
    { timeout: 240_000 },
    async () => {
      const { words } = await pools.start()
      let builder = await idleBuilder()
      for (let times = 1; times <= 2; times++) {
        kill(builder.pid, 'SIGKILL')
        builder = await idleBuilder(builder)
      }
      expect(words.filter(({ msg }) => msg === 'builder exited').map(({ pauseMs }) => pauseMs)).toEqual([500, 1_000])
    },
  )
})
