import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BuilderRecord } from '../../domain/ports/store.ts'
import { startGeminiSimulator, type GeminiSimulator } from '../../simulators/gemini/server.ts'
import { dataDirectory, startTestGateway, submit, until, type TestGateway } from '../support/gateway.ts'

interface Pool {
  readonly items: readonly BuilderRecord[]
  readonly queueDepth: number
}

const SCRIPT = {
  tasks: [
    {
      match: 'Wait',
      understanding: {
        ...{ title: 'Wait', kind: 'code', summary: 'Waits.', priority: 3, risk: 'low', needsRepository: false },
      } as const,
      turns: [
        { calls: [{ name: 'run_shell_command', args: { command: 'sleep 5' } }] },
        { calls: [{ name: 'complete_task', args: { summary: 'Waited.' } }] },
      ],
    },
  ],
}

/** After a queue has formed the pool has more than its least builders. */
const GROWS_WITHIN_MS = 5_000

let data: ReturnType<typeof dataDirectory>
let simulator: GeminiSimulator
let gateway: TestGateway

const look = (): Promise<Pool> => gateway.client.json<Pool>('GET', '/v1/builders')

/** Looks at the pool again and again until it is as it should become. */
async function become(wanted: (pool: Pool) => boolean): Promise<Pool> {
  for (;;) {
    const pool = await look()
    if (wanted(pool)) return pool
    await delay(200)
  }
}

beforeAll(async () => {
  data = dataDirectory()
  simulator = await startGeminiSimulator({ script: SCRIPT })
  gateway = await startTestGateway({
    dataDirectory: data.path,
    environment: {
      ...{ GEMINI_API_KEY: 'any', GOOGLE_GEMINI_BASE_URL: simulator.url },
      ...{ BUILDER_SEATS: '1', BUILDER_IDLE_TIMEOUT: '4s', BUILDER_HEALTH_INTERVAL: '2s' },
    },
  })
})

afterAll(async () => {
  await gateway.stop()
  await simulator.close()
  data.remove()
})

describe('a builder', () => {
  it.each(['SIGSTOP', 'SIGKILL'] as const)('after %s is replaced, and its task goes on', async (signal) => {
    const task = await submit(gateway.client, { prompt: 'Wait.' })
    const { items } = await become((pool) => pool.items.some(({ tasks }) => tasks.includes(task.id)))
    const victim = items.find(({ tasks }) => tasks.includes(task.id))
    process.kill(victim?.pid ?? 0, signal)
    const { items: now } = await become(
      (pool) =>
        pool.items.every(({ id, state }) => id !== victim?.id && state !== 'starting') && pool.items.length === 2,
    )
    const known = new Set(items.map(({ id }) => id))
    expect(now.filter(({ id }) => !known.has(id))).toMatchObject([{ restarts: (victim?.restarts ?? 0) + 1 }])
    expect(await until(gateway.client, task.id, 'ended')).toMatchObject({ state: 'completed', builder: { attempt: 2 } })
  })
})

describe('a queue of 25 tasks and builders of one seat', () => {
  it('makes the pool grow to ten, never eleven, and shrink to two when it is done', { timeout: 240_000 }, async () => {
    expect((await look()).items).toHaveLength(2)
    const tasks = await Promise.all(Array.from({ length: 25 }, () => submit(gateway.client, { prompt: 'Wait.' })))
    const sent = Date.now()
    expect((await become(({ queueDepth }) => queueDepth > 0)).queueDepth).toBeLessThanOrEqual(25)
    await become(({ items }) => items.length > 2)
    expect(Date.now() - sent).toBeLessThan(GROWS_WITHIN_MS)

    let peak = 0
    const over = new AbortController()
    const watching = (async () => {
      while (!over.signal.aborted) {
        peak = Math.max(peak, (await look()).items.length)
        await delay(200)
      }
    })()
    const ended = await Promise.all(tasks.map(({ id }) => until(gateway.client, id, 'ended')))
    expect(ended.map(({ state }) => state)).toEqual(tasks.map(() => 'completed'))
    const quiet = await become(({ items }) => items.length === 2)
    over.abort()
    await watching
    expect(peak).toBe(10)
    expect(quiet).toMatchObject({ queueDepth: 0, items: [{ state: 'idle' }, { state: 'idle' }] })
    // Whoever was taken away handed in its work: nobody was lost.
    const lost = []
    for (const { id } of tasks)
      for await (const event of gateway.client.events(id)) if (event.type === 'builder-lost') lost.push(event)
    expect(lost).toEqual([])
  })
})
