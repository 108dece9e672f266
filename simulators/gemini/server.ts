import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Ledger, type LedgerEntry } from './ledger.ts'
import { checkCredentials } from './credentials.ts'
import { internalError, notFound, Refusal } from './errors.ts'
import { describeModels, ModelService, type Facts, type Outcome } from './service.ts'
import { routeOf } from './routes.ts'
import type { Fault, GeminiScript, ScriptedModel } from './script.ts'
import { parseBody, readBody, send, type Reply } from './transport.ts'
import type { Breakage } from './faults.ts'

export interface GeminiSimulatorOptions {
  /** What the model says: a script, or a function of the request. */
  readonly script: GeminiScript | ScriptedModel
  /** 0, the default, takes a free one. */
  readonly port?: number
  /** Time until the first byte of every answer that is no refusal, in milliseconds. */
  readonly latencyMs?: number
  /** The keys and bearer tokens that are right; without it every one that is not empty is. */
  readonly apiKeys?: readonly string[]
  /** A file that gets a line of JSON for each request, flushed to the disk before the answer begins. */
  readonly ledgerFile?: string
  /** Simulators with the same seed accept each other's model signatures. */
  readonly seed?: string
}

export interface GeminiSimulator {
  /** The base URL for clients, without a slash at its end. */
  readonly url: string
  readonly port: number
  /** All requests so far, in the order of their answers. */
  readonly ledger: readonly LedgerEntry[]
  /** Lets the next request that can have the fault (or as many as `times` says) fail with it. */
  failNext(fault: Fault, times?: number): void
  /** Ends all connections, also those that hang. */
  close(): Promise<void>
}

/** Longer than clients keep idle connections, so that none is closed under a request that just left. */
const KEEP_ALIVE_MS = 65_000

/** Starts a stand-in for the Gemini API on 127.0.0.1 that refuses whatever the real one refuses. */
export async function startGeminiSimulator(options: GeminiSimulatorOptions): Promise<GeminiSimulator> {
  const ledger = await Ledger.open(options.ledgerFile)
  const service = new ModelService(options)
  const desk: Desk = { options, ledger, service }
  const server = createServer((request, response) => void serve(desk, request, response))
  server.keepAliveTimeout = KEEP_ALIVE_MS
  try {
    await listen(server, options.port ?? 0)
  } catch (error) {
    await ledger.close()
    throw error
  }
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    ledger: ledger.entries,
    failNext: (fault, times = 1) => service.faults.order(fault, times),
    async close() {
      const closed = new Promise<unknown>((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
      await ledger.close()
    },
  }
}

interface Desk {
  readonly options: GeminiSimulatorOptions
  readonly ledger: Ledger
  readonly service: ModelService
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** A request's way through the house: answered, written down, waited for, sent. */
async function serve(desk: Desk, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // A client may leave at any moment; that is its right, and no error of the simulator.
  response.on('error', () => response.destroy())
  const body = await readBody(request)
  if (!body) return
  const { reply, facts, breakage } = decide(desk, request, body)
  const silent = breakage === 'hang' || breakage === 'reset'
  const noted = desk.ledger.add({
    at: new Date().toISOString(),
    path: pathOf(request),
    bytes: body.length,
    status: silent ? 0 : statusOf(reply, breakage),
    ...facts,
  })
  const waits = facts.refusal === undefined ? delay(desk.options.latencyMs ?? 0, response) : undefined
  try {
    await Promise.all([noted, waits])
    await send(response, reply, breakage)
  } catch (error) {
    // The ledger could not be written: an answer without its line would make the count a lie.
    response.destroy(error instanceof Error ? error : undefined)
  }
}

/** Without the query: it may hold the key. */
const pathOf = ({ url = '' }: IncomingMessage): string => url.replace(/\?.*$/s, '')

const statusOf = (reply: Reply, breakage: Breakage | undefined): number =>
  reply.kind === 'stream' ? 200 : breakage === 'stream-error' ? 503 : reply.status

function decide({ options, service }: Desk, request: IncomingMessage, bytes: Buffer): Outcome & { facts: Facts } {
  const facts: Facts = { model: '', turn: 0, inputTokens: 0, outputTokens: 0 }
  try {
    const route = routeOf(request.method ?? '', request.url ?? '')
    if (!route) throw notFound(`The requested URL ${pathOf(request)} was not found on this server.`)
    facts.model = route.model ?? ''
    checkCredentials(request, { edition: route.edition, apiKeys: options.apiKeys })
    if (route.kind === 'models') return { reply: describeModels(route.model), facts }
    return { ...service.answer({ route, payload: parseBody(bytes), facts }), facts }
  } catch (error) {
    const refusal = error instanceof Refusal ? error : internalError(`the script failed: ${String(error)}`)
    return {
      reply: { kind: 'json', status: refusal.code, body: refusal.body },
      facts: { ...facts, refusal: refusal.violation },
    }
  }
}

/** Ends early when the client leaves. */
function delay(milliseconds: number, response: ServerResponse): Promise<void> | undefined {
  if (milliseconds <= 0) return undefined
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds)
    response.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
