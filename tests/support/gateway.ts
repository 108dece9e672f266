import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { inject } from 'vitest'
import { kill } from '../../adapters/processes/kill.ts'
import { GatewayClient, readTask } from '../../cli/client.ts'
import type { BuilderRecord } from '../../domain/ports/store.ts'
import { isFinal, type TaskState } from '../../domain/task.ts'
import type { TaskView } from '../../domain/schemas/task.ts'
import { bubblewrapFolder } from './programs.ts'

const OCG = fileURLToPath(new URL('../../bin/ocg.mjs', import.meta.url))
const ADMIN_KEY = 'admin-key-of-the-test-suite'

export interface TestGateway {
  readonly client: GatewayClient
  readonly dataDirectory: string
  readonly pid: number
  readonly temporalAddress: string
  /** Everything it wrote to stderr. */
  readonly log: () => string
  /** Ends the gateway process itself without any warning. */
  kill(): Promise<void>
  /** The same, together with the database and Temporal it started. */
  killEverything(): Promise<void>
  /** SIGTERM; gives the exit code. */
  stop(): Promise<number | null>
}

export type Environment = Readonly<Record<string, string>>

/** A data directory that has the programs already, so that no start installs them. */
export function dataDirectory(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'ocg-data-'))
  mkdirSync(join(path, 'temporal'))
  symlinkSync(inject('temporalProgram'), join(path, 'temporal', 'temporal'))
  symlinkSync(bubblewrapFolder, join(path, 'bubblewrap'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** The command as users run it, with nothing of this process's environment but what finds programs. */
export function runOcg(args: readonly string[], environment: Environment): ChildProcess {
  const { PATH, HOME } = process.env
  const child = spawn(process.execPath, [OCG, ...args], {
    env: { PATH, HOME, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return child
}

/** Runs the command to its end. */
export async function ocg(args: readonly string[], environment: Environment) {
  const child = runOcg(args, environment)
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout: stdout(), stderr: stderr() }
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  const chunks: Buffer[] = []
  stream?.on('data', (chunk: Buffer) => chunks.push(chunk))
  return () => Buffer.concat(chunks).toString('utf8')
}

/** Starts a whole gateway on a data directory; rejects with its log when it does not become ready. */
export async function startTestGateway(options: {
  readonly dataDirectory: string
  readonly environment?: Environment
}): Promise<TestGateway> {
  const { dataDirectory: directory, environment } = options
  const child = runOcg(['up', '--json'], {
    DATA_DIR: directory,
    PORT: '0',
    ADMIN_API_KEY: ADMIN_KEY,
    LOG_LEVEL: 'warn',
    ...environment,
  })
  const log = collect(child.stderr)
  const ended = once(child, 'exit') as Promise<[number | null]>
  const ready = once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line') as Promise<[string]>
  const first = await Promise.race([ready, ended.then(() => undefined)])
  if (!first) throw new Error(`The gateway did not start:\n${log()}`)
  const { url } = JSON.parse(first[0]) as { url: string }
  const owner = JSON.parse(readFileSync(join(directory, 'gateway.json'), 'utf8')) as { temporalAddress: string }
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    return (await ended)[0]
  }
  return {
    client: new GatewayClient(url, ADMIN_KEY),
    dataDirectory: directory,
    pid: child.pid ?? 0,
    temporalAddress: owner.temporalAddress,
    log,
    kill: async () => void (await end('SIGKILL')),
    async killEverything() {
      const pids = childrenOf(directory)
      await end('SIGKILL')
      for (const pid of pids) kill(pid, 'SIGKILL')
    },
    stop: () => end('SIGTERM'),
  }
}

/** Processes a gateway remembers as its own. */
function childrenOf(directory: string): readonly number[] {
  const folder = join(directory, 'children')
  return readdirSync(folder).map(
    (name) => (JSON.parse(readFileSync(join(folder, name), 'utf8')) as { pid: number }).pid,
  )
}

/** Sends a task; the answer is the API's. */
export const submit = (client: GatewayClient, body: object, headers: Environment = {}): Promise<TaskView> =>
  client.json('POST', '/v1/tasks', { body, headers })

/** Waits for a state, or for the end when the task ends in another one. */
export async function until(client: GatewayClient, id: string, state: TaskState | 'ended'): Promise<TaskView> {
  for (;;) {
    const task = await readTask(client, id)
    if (task.state === state || isFinal(task.state)) return task
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** The builder that works on a task, once the pool says so: a builder's row may be half a second behind its seats. */
export async function holderOf(client: GatewayClient, taskId: string): Promise<BuilderRecord> {
  for (;;) {
    const { items } = await client.json<{ items: readonly BuilderRecord[] }>('GET', '/v1/builders')
    const holder = items.find(({ tasks }) => tasks.includes(taskId))
    if (holder) return holder
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
