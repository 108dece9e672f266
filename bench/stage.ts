import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { loadConfig } from '../adapters/config.ts'
import { embeddedAddress } from '../adapters/postgres/embedded-address.ts'
import { ownerOf } from '../adapters/processes/data-directory.ts'
import { GatewayClient } from '../cli/client.ts'
import type { LedgerEntry } from '../simulators/gemini/ledger.ts'
import type { GeminiScript } from '../simulators/gemini/script.ts'
import { startTelegramSimulator, type TelegramSimulator } from '../simulators/telegram/server.ts'
import { startBareTemporal, type BareTemporal } from './bare/bare-temporal.ts'
import type { BareJob, BareJobTimes, BareTalk } from './bare/job.ts'
import { startHelper } from './helper-process.ts'
import { environmentOf } from './programs.ts'
import { startProgram, type Program } from './program.ts'

const ADMIN_KEY = 'bench-only-key-of-a-gateway-that-is-gone-in-a-minute'
const WEBHOOK_SECRET = 'bench-only-secret'
const START_LIMIT_MS = 120_000
/** Other gateways of the machine that start at the same moment may take the ports first. */
const START_ATTEMPTS = 3

/** A gateway as anybody starts it, with a scripted model, both in processes of their own. */
export interface Stage {
  readonly client: GatewayClient
  readonly temporal: Client
  /** Root of the gateway's process tree: API, Manager, Builders, Temporal and PostgreSQL. */
  readonly gateway: number
  /** Where the CPU time of that tree and of everything it ever started is counted. */
  readonly reaper: number
  /** URL of the scripted model. */
  readonly simulator: string
  /** What the scripted model was asked so far. */
  modelRequests(): Promise<readonly LedgerEntry[]>
  /** An own empty folder below which the gateway may use repositories. */
  folder(): Promise<string>
  bareTemporal(): Promise<BareTemporal>
  /** The bare agent's jobs, all at once. */
  bareJobs(jobs: readonly BareJob[]): Promise<BareJobTimes>
  bareTalk(talk: BareTalk): Promise<readonly number[]>
  /** The service of the chats; it delivers nothing by itself. */
  readonly telegram: TelegramSimulator
  readonly telegramWebhook: { readonly url: string; readonly headers: Readonly<Record<string, string>> }
  /** So many rows, each in a transaction of its own, in the gateway's own database. */
  bareRecords(count: number): Promise<void>
  /** URL of a route that only inserts a row there. */
  bareWebhook(): Promise<string>
  stop(): Promise<void>
}

/** Starts everything a row needs in a temporary folder on free ports. */
export async function startStage(options: {
  readonly script: GeminiScript
  readonly latencyMs: number
}): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), 'ocg-bench-'))
  const undo: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })]
  const stop = async () => {
    for (const step of undo.splice(0).toReversed()) await step()
  }
  try {
    const simulator = await startSimulator(directory, options)
    undo.push(() => simulator.stop())
    const repositories = join(directory, 'repositories')
    await mkdir(repositories)
    const telegram = await startTelegramSimulator()
    undo.push(() => telegram.close())
    const data = join(directory, 'data')
    const gateway = await startGateway({ directory: data, repositories, simulator: simulator.url, telegram })
    undo.push(() => gateway.stop())
    const connection = await Connection.connect({ address: gateway.temporalAddress })
    undo.push(() => connection.close())
    const bare = lazily(() => startBareTemporal({ address: gateway.temporalAddress, ...poolOf() }))
    const agent = lazily(() =>
      startHelper<readonly BareJob[] | BareTalk, unknown>('./bare/job.ts', [], { reaped: true }),
    )
    const database = [embeddedAddress(join(data, 'postgres'))]
    const route = lazily(() => startHelper<void, number>('./bare/webhook.ts', database))
    const records = lazily(() => startHelper<number, undefined>('./bare/records.ts', database))
    undo.push(() => Promise.all([bare, agent, route, records].map(async ({ made }) => (await made())?.stop())))
    return {
      client: new GatewayClient(gateway.url, ADMIN_KEY),
      temporal: new Client({ connection }),
      gateway: gateway.pid,
      reaper: gateway.reaper,
      simulator: simulator.url,
      modelRequests: () => simulator.requests(),
      folder: () => mkdtemp(join(repositories, 'r-')),
      bareTemporal: bare.get,
      bareJobs: async (jobs) => (await (await agent.get()).ask(jobs)) as BareJobTimes,
      bareTalk: async (talk) => (await (await agent.get()).ask(talk)) as readonly number[],
      bareRecords: async (count) => (await records.get()).ask(count),
      telegram,
      telegramWebhook: {
        url: `${gateway.url}/webhooks/telegram`,
        headers: { 'x-telegram-bot-api-secret-token': WEBHOOK_SECRET },
      },
      bareWebhook: async () => `http://127.0.0.1:${await (await route.get()).ask()}/`,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Builders and seats of a gateway nobody configured. */
function poolOf(): { readonly builders: number; readonly seats: number } {
  const { BUILDERS_MIN: builders, BUILDER_SEATS: seats } = loadConfig({})
  return { builders, seats }
}

function lazily<T>(make: () => Promise<T>) {
  let making: Promise<T> | undefined
  return { get: () => (making ??= make()), made: () => Promise.resolve(making) }
}

async function startSimulator(
  directory: string,
  { script, latencyMs }: { readonly script: GeminiScript; readonly latencyMs: number },
) {
  const [file, ledger] = [join(directory, 'script.json'), join(directory, 'model.jsonl')]
  await writeFile(file, JSON.stringify(script))
  const program = startProgram([
    'bin/run.mjs',
    'simulators/gemini/main.ts',
    '--script',
    file,
    ...['--latency', `${latencyMs}`, '--ledger', ledger],
  ])
  const said = await program.firstLine
  const url = /http:\/\/[\d.:]+/.exec(said)?.[0]
  if (url === undefined) throw new Error(`the simulator did not start: ${said}`)
  const requests = async () =>
    (await readFile(ledger, 'utf8'))
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as LedgerEntry)
  return { url, requests, stop: () => program.stop() }
}

interface GatewayPlace {
  readonly directory: string
  readonly repositories: string
  readonly simulator: string
  readonly telegram: TelegramSimulator
}

async function startGateway(place: GatewayPlace) {
  for (let attempt = 1; ; attempt++) {
    const program = startProgram(['bin/ocg.mjs', 'up'], {
      ...(await environmentOf()),
      DATA_DIR: place.directory,
      PORT: '0',
      LOG_LEVEL: 'error',
      // The baseline's processes are counted once; a pool that grows meanwhile would be another machine's.
      BUILDERS_MAX: `${poolOf().builders}`,
      ADMIN_API_KEY: ADMIN_KEY,
      REPOSITORY_FILE_ROOTS: place.repositories,
      GOOGLE_GEMINI_BASE_URL: place.simulator,
      GEMINI_API_KEY: 'simulator',
      TELEGRAM_BOT_TOKEN: place.telegram.token,
      TELEGRAM_API_BASE_URL: place.telegram.url,
      TELEGRAM_WEBHOOK_SECRET: WEBHOOK_SECRET,
      CHAT_ACCESS: 'open',
    })
    const addresses = await addressesOf(program, place.directory)
    if (addresses) return { ...addresses, reaper: program.pid, stop: () => program.stop() }
    await program.stop()
    if (attempt === START_ATTEMPTS) throw new Error(`the gateway did not start:\n${program.output()}`)
  }
}

/** Where a starting gateway answers; undefined when it ended or took too long. */
async function addressesOf(program: Program, directory: string) {
  const deadline = Date.now() + START_LIMIT_MS
  while (!program.hasEnded() && Date.now() < deadline) {
    const { pid = 0, url, temporalAddress } = (await ownerOf(directory)) ?? {}
    if (url !== undefined && temporalAddress !== undefined) return { pid, url, temporalAddress }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return undefined
}
