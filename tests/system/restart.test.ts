import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { EventView } from '../../cli/client.ts'
import { loadTask } from '../../fixtures/load-task.ts'
import { materialise } from '../../fixtures/materialise.ts'
import { scriptFor } from '../../fixtures/script-for.ts'
import { startGeminiSimulator, type GeminiSimulator } from '../../simulators/gemini/server.ts'
import { dataDirectory, startTestGateway, submit, until, type TestGateway } from '../support/gateway.ts'
import { watchUpdates } from '../support/upstream.ts'

const fixture = loadTask(join(import.meta.dirname, '../../fixtures/tasks/meeting-intervals'))
/** Long enough that a kill hits the command, a turn or the verification in the middle. */
const SLOW_COMMAND = `sleep 1; ${fixture.command}`

let data: ReturnType<typeof dataDirectory>
let root: string
let simulator: GeminiSimulator
let gateway: TestGateway | undefined

beforeEach(async () => {
  data = dataDirectory()
  root = mkdtempSync(join(tmpdir(), 'ocg-repositories-'))
  const script = scriptFor({ task: fixture, variant: 'wrong-first', command: SLOW_COMMAND })
  simulator = await startGeminiSimulator({ script, latencyMs: 300 })
})

afterEach(async () => {
  await gateway?.stop()
  await simulator.close()
  data.remove()
  rmSync(root, { recursive: true, force: true })
})

async function start(): Promise<TestGateway> {
  gateway = await startTestGateway({
    dataDirectory: data.path,
    environment: { REPOSITORY_FILE_ROOTS: root, GEMINI_API_KEY: 'any', GOOGLE_GEMINI_BASE_URL: simulator.url },
  })
  return gateway
}

async function waitFor(taskId: string, isThere: (event: EventView) => boolean): Promise<void> {
  for await (const event of gateway!.client.events(taskId)) if (isThere(event)) return
  throw new Error('The task ended before the moment to kill came.')
}

/** The moments at which every process of the gateway is killed, in one and the same task. */
const MOMENTS: readonly (readonly [string, (event: EventView) => boolean])[] = [
  ['while the first turn is asked', ({ type, turn }) => type === 'turn-started' && turn === 1],
  ['while a command runs', ({ type, name }) => type === 'tool-called' && name === 'run_shell_command'],
  ['after the work was handed in', ({ type, name }) => type === 'tool-finished' && name === 'complete_task'],
]

it('a task survives 3 kills of the only gateway: no answered turn is paid twice, no second push', async () => {
  const repository = join(root, 'repository')
  await materialise(fixture, repository)
  const updates = watchUpdates(repository)
  const first = await start()
  const { id } = await submit(first.client, {
    prompt: fixture.prompt,
    repository: { url: `file://${repository}` },
    acceptance: { commands: [SLOW_COMMAND], protectedPaths: fixture.tests },
  })
  for (const [, isThere] of MOMENTS) {
    await waitFor(id, isThere)
    await gateway!.kill()
    await start()
  }
  const task = await until(gateway!.client, id, 'ended')
  expect([task.state, task.result?.verdict, task.error]).toEqual(['completed', 'passed', undefined])
  expect(updates()).toEqual([`${'0'.repeat(40)} ${task.result?.commit} refs/heads/openclaw/${id}`])

  const turns = simulator.ledger.map(({ turn, status }) => `${turn} ${status}`)
  const repeated = turns.length - new Set(turns).size
  // One call may be in flight at each kill; whatever was answered is never asked again.
  expect(repeated).toBeLessThanOrEqual(MOMENTS.length)
  expect(simulator.ledger.length - task.cost.modelCalls).toBeLessThanOrEqual(MOMENTS.length)
  expect(simulator.ledger.filter(({ status }) => status !== 200)).toEqual([])
}, 120_000)
