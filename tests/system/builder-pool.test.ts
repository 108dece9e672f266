import { setTimeout as delay } from 'node:timers/promises'
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kill } from '../../adapters/processes/kill.ts'
import type { BuilderRecord } from '../../domain/ports/store.ts'
import { startGeminiSimulator, type GeminiSimulator } from '../../simulators/gemini/server.ts'
import { dataDirectory, holderOf, startTestGateway, submit, until, type TestGateway } from '../support/gateway.ts'

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

/** Steps of a task that Temporal saw fail or time out, in its Manager and in its Builder runs. */
async function failedActivities(taskId: string): Promise<readonly string[]> {
  const connection = await Connection.connect({ address: gateway.temporalAddress })
  const { workflow } = new Client({ connection })
  const failed: string[] = []
  for await (const { workflowId, runId } of workflow.list({
    query: `WorkflowId = '${taskId}' or RootWorkflowId = '${taskId}'`,
  })) {
    const { events } = await workflow.getHandle(workflowId, runId).fetchHistory()
    for (const { activityTaskFailedEventAttributes: failure, activityTaskTimedOutEventAttributes: late } of events ??
      []) {
      const reason = failure ?? late
      if (reason) failed.push(`${workflowId}: ${reason.failure?.message}`)
    }
  }
  await connection.close()
  return failed
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
    const victim = await holderOf(gateway.client, task.id)
    const { items } = await look()
    kill(victim.pid, signal)
    const { items: now } = await become(
      (pool) =>
        pool.items.every(({ id, state }) => id !== victim.id && state !== 'starting') && pool.items.length === 2,
    )
    const known = new Set(items.map(({ id }) => id))
    expect(now.filter(({ id }) => !known.has(id))).toMatchObject([{ restarts: victim.restarts + 1 }])
    expect(await until(gateway.client, task.id, 'ended')).toMatchObject({ state: 'completed', builder: { attempt: 2 } })
  })
})

describe('a builder that is asked to end (SIGTERM) in the middle of a command', () => {
  it(
    'finishes the command and hands its task to another one, with no failed attempt',
    { timeout: 240_000 },
    async () => {
      const task = await submit(gateway.client, { prompt: 'Wait.' })
      const events = gateway.client.events(task.id)
      for await (const { type } of events) if (type === 'tool-called') break
      const leaving = await holderOf(gateway.client, task.id)
      kill(leaving.pid, 'SIGTERM')
      await become((pool) => pool.items.some(({ id, state }) => id === leaving.id && state === 'draining'))
      const ended = await until(gateway.client, task.id, 'ended')
      expect(ended).toMatchObject({ state: 'completed', progress: { turn: 2 } })
      expect(ended.builder?.id).not.toBe(leaving.id)
      await become((pool) => pool.items.every(({ id }) => id !== leaving.id))
      const types = []
      for await (const { type } of gateway.client.events(task.id)) types.push(type)
      expect(types.filter((type) => type === 'tool-called')).toHaveLength(2)
      expect(types).not.toContain('builder-lost')
      expect(await failedActivities(task.id)).toEqual([])
    },
  )
})

describe('a queue of 25 tasks and builders of one seat', () => {
  it('makes the pool grow to ten, never eleven, and shrink to two when it is done', { timeout: 240_000 }, async () => {
    // A builder that has just left may have no successor in the list yet.
    await become(({ items }) => items.length === 2)
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
