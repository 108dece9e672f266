import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { childEnvironment, type Config } from '../adapters/config.ts'
import { startPostgres } from '../adapters/postgres/embedded.ts'
import type { ClaimedDirectory } from '../adapters/processes/data-directory.ts'
import { freePort } from '../adapters/processes/ports.ts'
import { ensureBubblewrap } from '../adapters/sandbox/find-bubblewrap.ts'
import { findTemporal } from '../adapters/temporal/find-temporal.ts'
import { startTemporal } from '../adapters/temporal/temporal-server.ts'
import { paths } from '../adapters/paths.ts'

const LOOPBACK = '127.0.0.1'
/** Usual ports; a busy one gives way to the next free. */
const PORTS = {
  postgres: 54_320,
  temporal: 7_233,
  temporalUi: 8_233,
  temporalHttp: 7_243,
  temporalMetrics: 7_253,
} as const

export interface Services {
  readonly config: Config & { readonly TEMPORAL_ADDRESS: string; readonly DATABASE_URL: string }
  readonly temporalUiUrl: string | undefined
  /** Stops what was started here, Temporal first. */
  stop(): Promise<void>
}

export interface ServicesOptions {
  readonly config: Config
  readonly directory: ClaimedDirectory
  readonly report: (line: string) => void
}

/** Provides PostgreSQL and Temporal: those the configuration names, else children of this process. */
export async function startServices(options: ServicesOptions): Promise<Services> {
  const { config } = options
  await mkdir(paths(config).logs, { recursive: true, mode: 0o700 })
  const sandbox = provideSandbox(options)
  const [postgres, temporal] = await bothOrNeither(
    config.DATABASE_URL === undefined ? embeddedPostgres(options) : given(config.DATABASE_URL),
    config.TEMPORAL_ADDRESS === undefined ? embeddedTemporal(options) : given(config.TEMPORAL_ADDRESS),
  )
  await sandbox
  return {
    config: { ...config, DATABASE_URL: postgres.address, TEMPORAL_ADDRESS: temporal.address },
    temporalUiUrl: temporal.uiUrl,
    async stop() {
      await temporal.stop()
      await postgres.stop()
    },
  }
}

async function provideSandbox({ config, report }: ServicesOptions): Promise<void> {
  if (config.SANDBOX === 'none') return
  await ensureBubblewrap({ directory: paths(config).bubblewrap, environment: childEnvironment({}), report })
}

interface Service {
  readonly address: string
  readonly uiUrl?: string
  stop(): Promise<void>
}

const given = (address: string): Promise<Service> => Promise.resolve({ address, stop: () => Promise.resolve() })

async function bothOrNeither(first: Promise<Service>, second: Promise<Service>): Promise<[Service, Service]> {
  const [one, other] = await Promise.allSettled([first, second])
  if (one.status === 'fulfilled' && other.status === 'fulfilled') return [one.value, other.value]
  for (const started of [one, other]) if (started.status === 'fulfilled') await started.value.stop()
  throw one.status === 'rejected' ? one.reason : (other as PromiseRejectedResult).reason
}

async function embeddedPostgres({ config, directory, report }: ServicesOptions): Promise<Service> {
  const port = await usualOrFree('PostgreSQL', PORTS.postgres, report)
  return keptRunning({ name: 'postgres', directory, report }, async () => {
    const server = await startPostgres({
      directory: paths(config).postgres,
      port,
      log: join(paths(config).logs, 'postgres.log'),
    })
    report(`PostgreSQL ready on port ${port}`)
    return { ...server, address: server.url }
  })
}

async function embeddedTemporal({ config, directory, report }: ServicesOptions): Promise<Service> {
  const home = paths(config).temporal
  const program = await findTemporal({ directory: home, environment: childEnvironment({}), report })
  await mkdir(home, { recursive: true, mode: 0o700 })
  const ports = {
    grpc: await usualOrFree('Temporal', PORTS.temporal, report),
    ui: await usualOrFree('the Temporal Web UI', PORTS.temporalUi, report),
    http: await freePort(PORTS.temporalHttp, LOOPBACK),
    metrics: await freePort(PORTS.temporalMetrics, LOOPBACK),
  }
  return keptRunning({ name: 'temporal', directory, report }, async () => {
    const server = await startTemporal({
      program,
      ports,
      directory: home,
      database: join(home, 'temporal.db'),
      log: join(paths(config).logs, 'temporal.log'),
      namespace: config.TEMPORAL_NAMESPACE,
    })
    report(`Temporal ready on port ${ports.grpc}, Web UI on port ${ports.ui}`)
    return server
  })
}

async function usualOrFree(name: string, usual: number, report: (line: string) => void): Promise<number> {
  const port = await freePort(usual, LOOPBACK)
  if (port !== usual) report(`port ${usual} is busy: ${name} uses ${port}`)
  return port
}

interface Running extends Service {
  readonly pid: number
  readonly ended: Promise<void>
}

/** Starts a service again, on the same port and data, whenever it ends by itself. */
async function keptRunning(
  { name, directory, report }: { readonly name: string } & Pick<ServicesOptions, 'directory' | 'report'>,
  start: () => Promise<Running>,
): Promise<Service> {
  let stopping = false
  const begin = async (): Promise<Running> => {
    const running = await start()
    await directory.remember({ name, pid: running.pid })
    void running.ended.then(async () => {
      if (stopping) return
      report(`${name} ended unexpectedly; it is started again`)
      current = begin()
      await current.catch((error: unknown) => report(`${name} cannot be started again: ${String(error)}`))
    })
    return running
  }
  let current = begin()
  const { address, uiUrl } = await current
  return {
    address,
    ...(uiUrl !== undefined && { uiUrl }),
    async stop() {
      stopping = true
      await current.then((running) => running.stop()).catch(() => undefined)
      await directory.forget(name)
    },
  }
}
