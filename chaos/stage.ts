import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client, Connection } from '@temporalio/client'
import { startPostgres, type EmbeddedPostgres } from '../adapters/postgres/embedded.ts'
import { anyPort } from '../adapters/processes/ports.ts'
import { ensureBubblewrap } from '../adapters/sandbox/find-bubblewrap.ts'
import { findTemporal } from '../adapters/temporal/find-temporal.ts'
import { startTemporal, type TemporalServer } from '../adapters/temporal/temporal-server.ts'
import { environmentOf } from '../bench/programs.ts'
import type { GeminiScript } from '../simulators/gemini/script.ts'
import { startGeminiSimulator, type GeminiSimulator } from '../simulators/gemini/server.ts'
import { FaultProxy, type Tap } from './fault-proxy.ts'
import { GatewayProcess } from './gateway-process.ts'
import { PatientApi } from './api.ts'
import { ControlGroup } from './control-group.ts'
import { Remotes } from './remotes.ts'
import { FILES } from './script.ts'
import type { Secrets } from './leaks.ts'
import { sabotagedGateway } from './sabotage.ts'
import { Service } from './service.ts'

const ADMIN_KEY = 'chaos-only-key-of-a-gateway-that-is-gone-in-a-while'
const MODEL_KEY = 'chaos-only-key-of-a-model-that-is-gone-in-a-while'
const NAMESPACE = 'default'
/** A thinking model is slower; so short a time still lets faults fall into it. */
export const MODEL_LATENCY_MS = 150
/** Two cores are busy with three of them. */
const POOL = { BUILDERS_MIN: '2', BUILDERS_MAX: '3', BUILDER_HEALTH_INTERVAL: '10s' }
/** Kept from run to run, as the tests do. */
const BUBBLEWRAP = fileURLToPath(new URL('../.cache/programs/bubblewrap', import.meta.url))

/** A gateway with everything around it. What counts its effects stands outside of what is broken. */
export interface Stage {
  /** Name of the run; the command lines of its processes hold it. */
  readonly run: string
  readonly directory: string
  readonly gateway: GatewayProcess
  /** All that the gateway has started, where groups can be made. */
  readonly group: ControlGroup | undefined
  readonly api: PatientApi
  readonly temporal: Service<TemporalServer>
  readonly postgres: Service<EmbeddedPostgres>
  readonly links: { readonly temporal: FaultProxy; readonly postgres: FaultProxy; readonly model: FaultProxy }
  readonly simulator: GeminiSimulator
  readonly remotes: Remotes
  /** What the gateway is given and must not pass on. */
  readonly secrets: Secrets
  /** A client of Temporal past all faults. */
  temporalClient(): Promise<{ readonly client: Client; close(): Promise<void> }>
  /** Ends the services too; the gateway is stopped before. */
  stop(options: { readonly keep: boolean }): Promise<void>
}

/** Starts everything a run needs in a temporary folder on free ports. The name of the run goes into its script. */
export async function startStage(
  scriptOf: (run: string) => GeminiScript,
  more: {
    /** More of the gateway's settings. */
    readonly environment?: Readonly<Record<string, string>>
    /** A gateway without some of its protections. */
    readonly sabotaged?: boolean
    /** Looks on at the link to the database from its first connection on. */
    readonly database?: Tap
  } = {},
): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), 'ocg-chaos-'))
  const undo: (() => Promise<unknown>)[] = []
  const started = async <T>(thing: Promise<T>, stop: (thing: T) => Promise<unknown>): Promise<T> => {
    const running = await thing
    undo.push(() => stop(running))
    return running
  }
  const stop = async ({ keep }: { readonly keep: boolean }) => {
    for (const step of undo.splice(0).toReversed()) await step()
    if (!keep) await rm(directory, { recursive: true, force: true })
  }
  try {
    const run = basename(directory)
    const environment = await environmentOf()
    const remotes = await Remotes.create(await folder(directory, 'remotes'), FILES)
    const simulator = await started(
      startGeminiSimulator({
        ...{ script: scriptOf(run), latencyMs: MODEL_LATENCY_MS },
        ledgerFile: join(directory, 'model.jsonl'),
      }),
      (model) => model.close(),
    )
    const groupOf = (program: string) => {
      const group = ControlGroup.create(`${run}-${program}`)
      if (group) undo.push(() => group.remove())
      return group
    }
    const services = await startServices(directory, { environment, groupOf })
    undo.push(() => services.stop())
    const group = groupOf('gateway')
    const link = (port: number) => started(FaultProxy.to(port), (proxy) => proxy.close())
    const links = {
      temporal: await link(portOf(services.temporal.running.address)),
      postgres: await link(portOf(services.postgres.running.url)),
      model: await link(simulator.port),
    }
    if (more.database) links.postgres.tap = more.database
    const database = new URL(services.postgres.running.url)
    database.port = String(links.postgres.port)
    const gateway = await started(
      Promise.resolve(
        new GatewayProcess({
          directory: await dataDirectory(directory),
          group,
          ...(more.sabotaged === true && { command: await sabotagedGateway(join(directory, 'sabotaged')) }),
          log: join(directory, 'gateway.log'),
          environment: {
            ...{ ...environment, ...more.environment, ...POOL, LOG_LEVEL: 'warn', ADMIN_API_KEY: ADMIN_KEY },
            ...{ TEMPORAL_ADDRESS: `127.0.0.1:${links.temporal.port}`, DATABASE_URL: database.href },
            REPOSITORY_FILE_ROOTS: join(directory, 'remotes'),
            ...{ GOOGLE_GEMINI_BASE_URL: `http://127.0.0.1:${links.model.port}`, GEMINI_API_KEY: MODEL_KEY },
          },
        }),
      ),
      (running) => running.stop(),
    )
    await gateway.start()
    const api = new PatientApi(gateway, ADMIN_KEY)
    return {
      ...{ run, directory, gateway, group, api, links, simulator, remotes, stop },
      secrets: { 'the admin key': ADMIN_KEY, 'the key of the model': MODEL_KEY },
      ...{ temporal: services.temporal, postgres: services.postgres },
      async temporalClient() {
        const connection = await Connection.connect({ address: services.temporal.running.address })
        return { client: new Client({ connection, namespace: NAMESPACE }), close: () => connection.close() }
      },
    }
  } catch (error) {
    await stop({ keep: false })
    throw error
  }
}

/** Temporal and PostgreSQL as the product itself starts them, on files. */
async function startServices(
  directory: string,
  {
    environment,
    groupOf,
  }: {
    readonly environment: Readonly<Record<string, string>>
    readonly groupOf: (program: string) => ControlGroup | undefined
  },
) {
  const report = (line: string) => void process.stderr.write(`${line}\n`)
  const home = await folder(directory, 'temporal')
  const program = await findTemporal({ directory: home, environment, report })
  const ports = { grpc: await free(), ui: await free(), http: await free(), metrics: await free() }
  const databasePort = await free()
  const log = (name: string) => join(directory, `${name}.log`)
  const temporal = await Service.start(
    () =>
      startTemporal({
        ...{ program, ports, directory: home, namespace: NAMESPACE },
        ...{ database: join(home, 'temporal.db'), log: log('temporal') },
      }),
    groupOf('temporal'),
  )
  try {
    const postgres = await Service.start(
      () => startPostgres({ directory: join(directory, 'postgres'), port: databasePort, log: log('postgres') }),
      groupOf('postgres'),
    )
    const stop = () => Promise.all([temporal.stop(), postgres.stop()])
    return { temporal, postgres, stop }
  } catch (error) {
    await temporal.stop()
    throw error
  }
}

const free = () => anyPort('127.0.0.1')

const portOf = (address: string): number => Number(/:(\d+)(\/|$)/.exec(address)?.[1])

async function folder(directory: string, name: string): Promise<string> {
  const path = join(directory, name)
  await mkdir(path)
  return path
}

/** The gateway's own folder, with bubblewrap there already where the machine has none. */
async function dataDirectory(directory: string): Promise<string> {
  const data = await folder(directory, 'data')
  await ensureBubblewrap({
    ...{ directory: BUBBLEWRAP, environment: await environmentOf() },
    report: (line) => void process.stderr.write(`${line}\n`),
  })
  await symlink(BUBBLEWRAP, join(data, 'bubblewrap'))
  return data
}
