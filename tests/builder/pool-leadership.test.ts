import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import type { BuilderRecord, Leadership, Store } from '../../domain/ports/store.ts'
import { BuilderPool } from '../../workers/builder-pool.ts'

it('a pool never asks for its office twice at once: the second answer would make it forget the first', async () => {
  let asking = 0
  let mostAtOnce = 0
  let resigned = 0
  const leadership: Leadership = {
    lost: new AbortController().signal,
    resign: () => Promise.resolve(void resigned++),
  }
  const reported: string[] = []
  const store = {
    builders: {
      list: () => Promise.resolve([]),
      report: ({ id }: BuilderRecord) => Promise.resolve(void reported.push(id)),
      remove: () => Promise.resolve(),
    },
    tryToLead: async () => {
      mostAtOnce = Math.max(mostAtOnce, ++asking)
      await delay(20)
      return asking-- === 1 ? leadership : undefined
    },
  } as unknown as Store
  const pool = new BuilderPool({
    bounds: { min: 0, max: 1, seats: 1, idleTimeoutMs: 60_000 },
    ...{ healthIntervalMs: 60_000, directory: '/nonexistent', environment: {}, sample: undefined },
    waiting: () => Promise.resolve(0),
    ...{ store, client: {} as Client, logger: pino({ level: 'silent' }) },
  })
  await Promise.all([pool.start(), pool.start()])
  await pool.stop(1_000)
  expect({ mostAtOnce, resigned, reported }).toEqual({ mostAtOnce: 1, resigned: 1, reported: [] })
})
