import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { childEnvironment, type Config } from '../adapters/config.ts'
import { startPostgres } from '../adapters/postgres/embedded.ts'
import type { ClaimedDirectory } from '../adapters/processes/data-directory.ts'
import { freePort, isFree } from '../adapters/processes/ports.ts'
import { ensureBubblewrap } from '../adapters/sandbox/find-bubblewrap.ts'
import { findTemporal } from '../adapters/temporal/find-temporal.ts'
import { startTemporal } from '../adapters/temporal/temporal-server.ts'
import { paths } from '../adapters/paths.ts'

const LOOPBACK = '127.0.0.1'
/** Usual ports; a busy one gives way to the next free. */
const PORTS = {
  postgres: 54_320,
  temporal: { grpc: 7_233, ui: 8_233, http: 7_243, metrics: 7_253 },
} as const
/** A service that cannot be started is tried again for as long as the gateway lives: without it nothing goes on. */
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000
/** Several gateways that start at once on one machine take ports from each other a few times at most. */
const PORT_TRIES = 10

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
  const start = onFreePorts({ postgres: PORTS.postgres }, report, async (ports) => {
    const server = await startPostgres({
      directory: paths(config).postgres,
      port: ports.postgres,
      log: join(paths(config).logs, 'postgres.log'),
    })
    report(`PostgreSQL ready on port ${ports.postgres}`)
    return { ...server, address: server.url }
  })
  return keptRunning({ name: 'postgres', directory, report }, start)
}

async function embeddedTemporal({ config, directory, report }: ServicesOptions): Promise<Service> {
  const home = paths(config).temporal
  const program = await findTemporal({ directory: home, environment: childEnvironment({}), report })
  await mkdir(home, { recursive: true, mode: 0o700 })
  const start = onFreePorts(PORTS.temporal, report, async (ports) => {
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
  return keptRunning({ name: 'temporal', directory, report }, start)
}

/**
 * Starts on the usual ports, or on the next free ones. Between looking and listening another program may take one:
 * then others are chosen. Later starts keep the ports of the first, which clients know.
 */
function onFreePorts<Name extends string>(
  usual: Readonly<Record<Name, number>>,
  report: (line: string) => void,
  start: (ports: Readonly<Record<Name, number>>) => Promise<Running>,
): () => Promise<Running> {
  let known: Readonly<Record<Name, number>> | undefined
  return async () => {
    if (known) return start(known)
    for (let tries = 1; ; tries++) {
      const ports = await choosePorts(usual, report)
      try {
        const running = await start(ports)
        known = ports
        return running
      } catch (error) {
        if (tries === PORT_TRIES || (await areFree(Object.values(ports)))) throw error
      }
    }
  }
}

async function choosePorts<Name extends string>(usual: Readonly<Record<Name, number>>, report: (line: string) => void) {
  const ports: Record<string, number> = {}
  for (const [name, port] of Object.entries<number>(usual)) {
    const free = await freePort(port, LOOPBACK)
    if (free !== port) report(`port ${port} (${name}) is busy: ${free} is used`)
    ports[name] = free
  }
  return ports as Record<Name, number>
}

async function areFree(ports: readonly number[]): Promise<boolean> {
  return (await Promise.all(ports.map((port) => isFree(port, LOOPBACK)))).every(Boolean)
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
    void running.ended.then(() => {
      if (!stopping) report(`${name} ended unexpectedly; it is started again`)
      return again(FIRST_PAUSE_MS)
    })
    return running
  }
  const again = async (pause: number): Promise<void> => {
    if (stopping) return
    try {
      current = begin()
      await current
    } catch (error) {
      report(`${name} cannot be started yet: ${String(error)}`)
      await delay(pause, undefined, { ref: false })
      return again(Math.min(pause * 2, LONGEST_PAUSE_MS))
    }
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
