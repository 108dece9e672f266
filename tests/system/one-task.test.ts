import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EventView } from '../../cli/client.ts'
import { MAX_PAYLOAD_BYTES } from '../../domain/limits.ts'
import type { TaskView } from '../../domain/schemas/task.ts'
import { loadTask, type EngineeringTask } from '../../fixtures/load-task.ts'
import { materialise } from '../../fixtures/materialise.ts'
import { scriptFor } from '../../fixtures/script-for.ts'
import { startGeminiSimulator, type GeminiSimulator } from '../../simulators/gemini/server.ts'
import { dataDirectory, startTestGateway, submit, until, type TestGateway } from '../support/gateway.ts'
import { userGit, watchUpdates } from '../support/upstream.ts'

const TASKS = join(import.meta.dirname, '../../fixtures/tasks')
const data = dataDirectory()
const repositories = mkdtempSync(join(tmpdir(), 'ocg-repositories-'))
let simulator: GeminiSimulator
let gateway: TestGateway

const plays = {
  straight: { task: loadTask(join(TASKS, 'csv-records')), variant: 'straight' },
  'wrong-first': { task: loadTask(join(TASKS, 'invoice-split')), variant: 'wrong-first' },
  cheating: { task: loadTask(join(TASKS, 'lru-cache')), variant: 'cheating' },
} as const
type Variant = keyof typeof plays
const done = {} as Record<Variant, { task: TaskView; repository: string; updates: () => readonly string[] }>

beforeAll(async () => {
  simulator = await startGeminiSimulator({ script: scriptFor(...Object.values(plays)) })
  gateway = await startTestGateway({
    dataDirectory: data.path,
    environment: {
      REPOSITORY_FILE_ROOTS: repositories,
      GEMINI_API_KEY: 'any',
      GOOGLE_GEMINI_BASE_URL: simulator.url,
    },
  })
  await Promise.all((Object.keys(plays) as Variant[]).map(play))
})

afterAll(async () => {
  await gateway.stop()
  await simulator.close()
  data.remove()
  rmSync(repositories, { recursive: true, force: true })
})

async function play(variant: Variant): Promise<void> {
  const fixture: EngineeringTask = plays[variant].task
  const repository = join(repositories, fixture.name)
  await materialise(fixture, repository)
  const updates = watchUpdates(repository)
  const { id } = await submit(gateway.client, {
    prompt: fixture.prompt,
    repository: { url: `file://${repository}` },
    acceptance: { commands: [fixture.command], protectedPaths: fixture.tests },
  })
  done[variant] = { task: await until(gateway.client, id, 'ended'), repository, updates }
}

const eventsOf = async (id: string): Promise<readonly EventView[]> => {
  const events: EventView[] = []
  for await (const event of gateway.client.events(id)) events.push(event)
  return events
}

describe('a task that is solved', () => {
  it.each(['straight', 'wrong-first'] as const)('%s ends completed with verdict passed', (variant) => {
    const { task } = done[variant]
    expect([task.state, task.result?.verdict, task.error]).toEqual(['completed', 'passed', undefined])
  })

  it.each(['straight', 'wrong-first'] as const)(
    '%s has a patch that makes the tests pass in another clone',
    async (variant) => {
      const { task, repository } = done[variant]
      const clone = mkdtempSync(join(tmpdir(), 'ocg-clone-'))
      userGit(clone, 'clone', '--quiet', repository, 'work')
      const work = join(clone, 'work')
      const [program, ...args] = (plays[variant].task.command ?? '').split(' ') as [string, ...string[]]
      const test = () => execFileSync(program, args, { cwd: work, stdio: 'pipe' })
      expect(test).toThrow(/failed/i)
      writeFileSync(join(clone, 'patch'), await gateway.client.text(`/v1/tasks/${task.id}/patch`))
      userGit(work, 'apply', '../patch')
      expect(test).not.toThrow()
      rmSync(clone, { recursive: true, force: true })
    },
  )

  it.each(['straight', 'wrong-first'] as const)('%s is pushed to its own branch, once', (variant) => {
    const { task, repository, updates } = done[variant]
    const branch = `openclaw/${task.id}`
    expect(task.result?.branch).toBe(branch)
    expect(updates()).toEqual([`${'0'.repeat(40)} ${task.result?.commit} refs/heads/${branch}`])
    expect(userGit(repository, 'rev-parse', `${branch}^`)).toBe(userGit(repository, 'rev-parse', 'main'))
  })
})

describe('a task whose model empties the tests', () => {
  it('ends failed with code verification_failed and changes no branch', () => {
    const { task, updates } = done.cheating
    expect([task.state, task.error?.code, task.result]).toEqual(['failed', 'verification_failed', undefined])
    expect(updates()).toEqual([])
  })

  it('was verified 3 times and given back to the Builder twice', async () => {
    const events = await eventsOf(done.cheating.task.id)
    const verdicts = events.filter(({ type }) => type === 'verification-finished').map(({ verdict }) => verdict)
    expect(verdicts).toEqual(['failed', 'failed', 'failed'])
  })
})

describe('what watchers see', () => {
  it('is a sequence without gaps in which every call has its result and the end stands once and last', async () => {
    for (const { task } of Object.values(done)) {
      const events = await eventsOf(task.id)
      expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1))
      const callsOf = (type: string) =>
        events.filter((event) => event.type === type).map(({ callId }) => String(callId))
      expect(callsOf('tool-called').length).toBeGreaterThan(0)
      expect(new Set(callsOf('tool-finished'))).toEqual(new Set(callsOf('tool-called')))
      expect(events.findIndex(({ type }) => type === 'task-ended')).toBe(events.length - 1)
    }
  })

  it('has the cost of every answered call, the understanding step included', () => {
    const costs = Object.values(done).map(({ task }) => task.cost)
    const sum = (field: 'modelCalls' | 'inputTokens') => costs.reduce((total, cost) => total + cost[field], 0)
    expect(sum('modelCalls')).toBe(simulator.ledger.length)
    expect(sum('inputTokens')).toBe(simulator.ledger.reduce((total, { inputTokens }) => total + inputTokens, 0))
  })

  it('no request broke the protocol of Gemini', () => {
    expect(simulator.ledger.filter(({ status }) => status !== 200)).toEqual([])
    expect(new Set(simulator.ledger.map(({ signatures }) => signatures))).toEqual(new Set(['none', 'verified']))
  })
})

describe('what Temporal keeps of it', () => {
  it('is small: no payload over 64 KiB, no prompt, file or tool output in any history', async () => {
    const connection = await Connection.connect({ address: gateway.temporalAddress })
    const client = new Client({ connection })
    for (const { task } of Object.values(done)) {
      const { events } = await client.workflow.getHandle(task.id).fetchHistory()
      const sizes = (events ?? []).map((event) => JSON.stringify(event).length)
      expect(sizes.length).toBeGreaterThan(10)
      expect(Math.max(...sizes)).toBeLessThan(MAX_PAYLOAD_BYTES)
      expect(JSON.stringify(events)).not.toContain(task.prompt.slice(0, 200))
    }
    await connection.close()
  })

  it('finds tasks by their search attributes', async () => {
    const connection = await Connection.connect({ address: gateway.temporalAddress })
    const client = new Client({ connection })
    const query = "WorkflowType = 'manageTask' AND TaskState = 'completed' AND TaskKind = 'code' AND CostUsd > 0"
    const found: string[] = []
    for await (const { workflowId } of client.workflow.list({ query })) found.push(workflowId)
    expect(found.toSorted()).toEqual([done.straight.task.id, done['wrong-first'].task.id].toSorted())
    await connection.close()
  })
})
