import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Command } from 'commander'
import { ulid } from 'ulidx'
import { hasModelCredential, loadConfig, type Config } from '../adapters/config.ts'
import type { TaskView } from '../domain/schemas/task.ts'
import { loadTask, type EngineeringTask } from '../fixtures/load-task.ts'
import { materialise } from '../fixtures/materialise.ts'
import { scriptFor } from '../fixtures/script-for.ts'
import { startGeminiSimulator } from '../simulators/gemini/server.ts'
import { readAdminKey } from '../workers/admin-key.ts'
import { GatewayClient } from './client.ts'
import { follow } from './follow.ts'
import { print, wantsJson } from './output.ts'
import { createProgress } from './progress.ts'
import { runGateway, stopRequested } from './run-gateway.ts'
import { costLine, linksText } from './task-text.ts'

const SAMPLE = fileURLToPath(new URL('../fixtures/tasks/token-bucket', import.meta.url))
/** A model that answers at once would hide that this is a conversation. */
const THINKING_MS = 300

/** Does the sample task with a gateway of its own; true when its verdict is `passed`. */
export async function runDemo(command: Command, { keep }: { readonly keep: boolean }): Promise<boolean> {
  const stopping = stopRequested()
  const report = createProgress(wantsJson(command) ? process.stderr : process.stdout)
  const config = quiet(loadConfig())
  const model = await modelFor(config, report)
  try {
    const task = await demonstrate({ config: model.config, report, stopping, command, keep })
    return task?.result?.verdict === 'passed'
  } finally {
    await model.stop()
  }
}

interface Demonstration {
  readonly config: Config
  readonly report: (line: string) => void
  readonly stopping: Promise<void>
  readonly command: Command
  readonly keep: boolean
}

async function demonstrate(demo: Demonstration): Promise<TaskView | undefined> {
  const { report, stopping, keep } = demo
  const sample = loadTask(SAMPLE)
  const folder = join(demo.config.DATA_DIR, 'demo')
  const repository = join(folder, ulid().toLowerCase())
  await mkdir(folder, { recursive: true })
  await materialise(sample, repository)
  const url = pathToFileURL(repository).href
  const config = { ...demo.config, REPOSITORY_FILE_ROOTS: [...demo.config.REPOSITORY_FILE_ROOTS, folder] }
  const gateway = await runGateway({ config, environment: environmentOf(config), sample: url, report })
  try {
    report('ready; sending the task')
    const client = new GatewayClient(gateway.url, await readAdminKey(config))
    const task = await Promise.race([workedOn(client, { url, sample, report }), stopping])
    if (!task) return undefined
    print(demo.command, { json: task, text: await resultText(client, { task, repository, keep }) })
    if (keep) {
      report(`the gateway keeps running at ${gateway.url}; Ctrl-C stops it`)
      await stopping
    }
    return task
  } finally {
    await gateway.stop()
  }
}

/** Gemini when there is a key; else the simulator, which is reached as any model is: by its address. */
async function modelFor(config: Config, report: (line: string) => void) {
  if (hasModelCredential(config)) {
    report(`the model is ${config.GEMINI_MODEL}`)
    return { config, stop: () => Promise.resolve() }
  }
  const script = scriptFor({ task: loadTask(SAMPLE), variant: 'wrong-first' })
  const simulator = await startGeminiSimulator({ script, latencyMs: THINKING_MS })
  report('no GEMINI_API_KEY: a simulated model plays a script; tools, files and tests are real')
  return {
    config: { ...config, GOOGLE_GEMINI_BASE_URL: simulator.url, GEMINI_API_KEY: 'simulator' },
    stop: () => simulator.close(),
  }
}

/** What the Builders must know of what was decided here. */
const environmentOf = (config: Config): Record<string, string> => ({
  REPOSITORY_FILE_ROOTS: config.REPOSITORY_FILE_ROOTS.join(','),
  LOG_LEVEL: config.LOG_LEVEL,
  ...(config.GOOGLE_GEMINI_BASE_URL !== undefined && { GOOGLE_GEMINI_BASE_URL: config.GOOGLE_GEMINI_BASE_URL }),
  ...(config.GEMINI_API_KEY !== undefined && { GEMINI_API_KEY: config.GEMINI_API_KEY }),
})

/** The demo shows the task; the log of a gateway that is well would hide it. */
const quiet = (config: Config): Config => (config.LOG_LEVEL === 'info' ? { ...config, LOG_LEVEL: 'error' } : config)

async function workedOn(
  client: GatewayClient,
  work: { readonly url: string; readonly sample: EngineeringTask; readonly report: (line: string) => void },
): Promise<TaskView> {
  const { url, sample, report } = work
  const { id } = await client.json<TaskView>('POST', '/v1/tasks', {
    body: {
      prompt: sample.prompt,
      kind: 'code',
      repository: { url },
      acceptance: { commands: [sample.command], protectedPaths: sample.tests },
    },
  })
  report(id)
  return follow(client, id, report)
}

async function resultText(
  client: GatewayClient,
  { task, repository, keep }: { readonly task: TaskView; readonly repository: string; readonly keep: boolean },
): Promise<string> {
  const patch = await client.text(`/v1/tasks/${task.id}/patch`)
  const { result, error } = task
  return [
    '',
    patch.trimEnd(),
    '',
    result?.summary ?? `${error?.code}: ${error?.message}`,
    '',
    `verdict: ${result?.verdict ?? task.state}`,
    costLine(task),
    ...(result?.branch ? [`branch: ${result.branch} of ${repository}`] : []),
    linksText(task),
    ...(keep ? [] : ['Run npm run demo -- --keep to look around while it runs, npm start for a gateway of your own.']),
    '',
  ].join('\n')
}
