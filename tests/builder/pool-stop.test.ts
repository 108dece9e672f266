import { once } from 'node:events'
import type { Client } from '@temporalio/client'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import type { BuilderRecord, Leadership, Store } from '../../domain/ports/store.ts'
import { BuilderPool } from '../../workers/builder-pool.ts'

it('a pool that is stopped while it counts its builders starts none any more', async () => {
  const reported: string[] = []
  const counting = new EventTarget()
  let answer: (builders: readonly BuilderRecord[]) => void = () => undefined
  const builders = {
    list: () =>
      new Promise<readonly BuilderRecord[]>((resolve) => {
        answer = resolve
        counting.dispatchEvent(new Event('asked'))
      }),
    report: ({ id }: BuilderRecord) => Promise.resolve(void reported.push(id)),
  }
  const leadership: Leadership = { lost: new AbortController().signal, resign: () => Promise.resolve() }
  const pool = new BuilderPool({
    bounds: { min: 1, max: 1, seats: 1, idleTimeoutMs: 60_000 },
    ...{ healthIntervalMs: 60_000, directory: '/nonexistent', environment: {}, sample: undefined },
    waiting: () => Promise.resolve(0),
    store: { builders, tryToLead: () => Promise.resolve(leadership) } as unknown as Store,
    ...{ client: {} as Client, logger: pino({ level: 'silent' }) },
  })
  const asked = once(counting, 'asked')
  void pool.start()
  await asked
  const stopped = pool.stop(1_000)
  answer([])
  await stopped
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(reported).toEqual([])
})
