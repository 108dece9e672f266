import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach } from 'vitest'
import type { TaskView } from '../../domain/schemas/task.ts'
import { ocg, type Environment } from './gateway.ts'

export const API_KEY = 'key-of-the-command-tests'
const OCG = fileURLToPath(new URL('../../bin/ocg.mjs', import.meta.url))

/** A request as it arrived. */
export interface Recorded {
  /** `POST /v1/tasks?limit=1`. */
  readonly line: string
  readonly headers: IncomingHttpHeaders
  /** The JSON body; undefined when there was none. */
  readonly body: unknown
}

/** An answer: JSON, a problem, text, bytes, or whatever a function does with the connection. */
export type Reply =
  | { readonly status?: number; readonly json: unknown }
  | { readonly status?: number; readonly text: string | Uint8Array }
  | ((response: ServerResponse, request: Recorded) => void)

export interface RecordingGateway {
  readonly url: string
  readonly dataDirectory: string
  readonly requests: readonly Recorded[]
  /** Sets the answers of `METHOD /path`, one after another; the last one stays. Everything else is 404. */
  on(route: string, ...replies: readonly Reply[]): void
  /** Runs `ocg` as its client. */
  ocg(args: readonly string[], environment?: Environment): ReturnType<typeof ocg>
  /** Runs a bash script in which `ocg` is the command. */
  shell(script: string): ReturnType<typeof ocg>
}

/** A server that plays the gateway's HTTP API for the commands of a file, a fresh one for every test. */
export function useRecordingGateway(): () => RecordingGateway {
  let current: Awaited<ReturnType<typeof startRecordingGateway>> | undefined
  beforeEach(async () => {
    current = await startRecordingGateway()
  })
  afterEach(async () => current?.close())
  return () => {
    if (!current) throw new Error('The recording gateway has not been started.')
    return current
  }
}

async function startRecordingGateway(): Promise<RecordingGateway & { close(): Promise<void> }> {
  const requests: Recorded[] = []
  const routes = new Map<string, Reply[]>()
  const server = createServer((request, response) => void answer(request, response))
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    const line = `${request.method} ${request.url}`
    const recorded = { line, headers: request.headers, body: body === '' ? undefined : (JSON.parse(body) as unknown) }
    requests.push(recorded)
    const replies = routes.get(line.replace(/\?.*/, '')) ?? []
    const reply = (replies.length > 1 ? replies.shift() : replies[0]) ?? problem(404, 'not_found', `no ${line}`)
    if (typeof reply === 'function') return reply(response, recorded)
    const content = 'json' in reply ? JSON.stringify(reply.json) : reply.text
    response.writeHead(reply.status ?? 200, { 'content-type': 'json' in reply ? 'application/json' : 'text/plain' })
    response.end(content)
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const dataDirectory = mkdtempSync(join(tmpdir(), 'ocg-cli-'))
  const environment = { OCG_URL: url, OCG_API_KEY: API_KEY, DATA_DIR: dataDirectory }
  return {
    url,
    dataDirectory,
    requests,
    on: (route, ...replies) => void routes.set(route, [...replies]),
    ocg: (args, extra = {}) => ocg(args, { ...environment, ...extra }),
    shell: (script) => bash(`ocg() { "${process.execPath}" "${OCG}" "$@"; }\n${script}`, environment),
    async close() {
      server.close()
      server.closeAllConnections()
      rmSync(dataDirectory, { recursive: true, force: true })
      await Promise.resolve()
    },
  }
}

/** Runs a script with bash and nothing of this process's environment but what finds programs. */
export async function bash(script: string, environment: Environment = {}): ReturnType<typeof ocg> {
  const { PATH, HOME } = process.env
  const child = spawn('bash', ['-c', script], {
    env: { PATH, HOME, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'close') as Promise<[number | null]>
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  return { code, stdout, stderr }
}

/** A refusal as the API writes it. */
export const problem = (status: number, code: string, detail: string): Reply => ({
  status,
  json: { type: `urn:openclaw:problem:${code}`, title: 'Refused', status, detail, code },
})

/** A task as the API answers it. */
export const sampleTask = (fields: Partial<TaskView> = {}): TaskView => ({
  id: 'task-01',
  title: 'Fix the bucket',
  kind: 'code',
  state: 'queued',
  priority: 3,
  prompt: 'Fix the token bucket',
  repository: { url: 'https://git.example/acme/web' },
  acceptance: { commands: ['npm test'] },
  constraints: {},
  labels: [],
  channel: 'api',
  requester: 'key:1',
  tenant: 'default',
  createdAt: '2026-11-25T10:00:00.000Z',
  updatedAt: '2026-11-25T10:00:00.000Z',
  progress: { turn: 2, maxTurns: 100, plan: [], lastEvent: 'task-queued' },
  cost: { usd: 0.0125, inputTokens: 1_000, outputTokens: 200, thoughtTokens: 50, cachedTokens: 0, modelCalls: 3 },
  links: {
    self: 'https://gw.example/v1/tasks/task-01',
    events: 'https://gw.example/v1/tasks/task-01/events',
    patch: 'https://gw.example/v1/tasks/task-01/patch',
    temporal: null,
    web: 'https://gw.example/tasks/task-01',
  },
  ...fields,
})
