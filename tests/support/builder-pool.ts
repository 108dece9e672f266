import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { Client, Connection } from '@temporalio/client'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, inject, onTestFinished } from 'vitest'
import { openStore } from '../../adapters/postgres/store.ts'
import { anyPort } from '../../adapters/processes/ports.ts'
import { startTemporal, type TemporalServer } from '../../adapters/temporal/temporal-server.ts'
import type { Store } from '../../domain/ports/store.ts'
import { BuilderPool, type BuilderPoolOptions } from '../../workers/builder-pool.ts'
import { freshDatabase } from './database.ts'

/** A line of a pool's log. */
export interface PoolWord extends Readonly<Record<string, unknown>> {
  readonly msg: string
  readonly builder?: string
}

/** A pool with real builder processes, as a gateway has one. */
export interface TestPool {
  readonly pool: BuilderPool
  readonly words: readonly PoolWord[]
  /** How many seat requests it is told are waiting. */
  waiting: number
}

export interface Pools {
  /** Of each test its own. */
  readonly store: Store
  readonly database: string
  readonly temporalAddress: string
  /** Starts a pool; it is stopped after the test. `environment` is that of its builders. */
  start(
    change?: Partial<Pick<BuilderPoolOptions, 'bounds' | 'healthIntervalMs' | 'environment' | 'client'>>,
  ): Promise<TestPool>
}

/** One builder at least and at most, never idle for too long, and no check before the test is over. */
const QUIET = {
  bounds: { min: 1, max: 1, seats: 1, idleTimeoutMs: 60 * 60_000 },
  healthIntervalMs: 60 * 60_000,
} as const

/** One Temporal for a file, one database for each test. */
export function useBuilderPools(): Pools {
  const root = mkdtempSync(join(tmpdir(), 'ocg-pools-'))
  const made = {} as { store: Store; database: string; temporalAddress: string }
  let temporal: TemporalServer
  let connection: Connection
  const free = () => anyPort('127.0.0.1')
  beforeAll(async () => {
    temporal = await startTemporal({
      program: inject('temporalProgram'),
      ...{
        directory: root,
        database: join(root, 'temporal.db'),
        log: join(root, 'temporal.log'),
        namespace: 'default',
      },
      ports: { grpc: await free(), ui: await free(), http: await free(), metrics: await free() },
    })
    made.temporalAddress = temporal.address
    connection = await Connection.connect({ address: temporal.address })
  })
  beforeEach(async () => {
    made.database = await freshDatabase()
    const store = (made.store = await openStore({ url: made.database, connections: 4 }))
    onTestFinished(() => store.close())
  })
  afterAll(async () => {
    await connection.close()
    await temporal.stop()
    rmSync(root, { recursive: true, force: true })
  })
  return Object.assign(made, {
    async start(change: Parameters<Pools['start']>[0] = {}): Promise<TestPool> {
      const words: PoolWord[] = []
      const write = (line: Buffer, _: unknown, done: () => void) => {
        words.push(JSON.parse(line.toString()) as PoolWord)
        done()
      }
      // Each gateway has an office of its own to lose, and so a store of its own.
      const store = await openStore({ url: made.database, connections: 4 })
      const directory = mkdtempSync(join(root, 'gateway-'))
      const { PATH, HOME } = process.env
      const own = { DATABASE_URL: made.database, TEMPORAL_ADDRESS: made.temporalAddress, DATA_DIR: directory }
      const test = { words, waiting: 0 }
      const pool = new BuilderPool({
        ...{ ...QUIET, directory: join(directory, 'builders'), sample: undefined, store },
        client: new Client({ connection }),
        waiting: () => Promise.resolve(test.waiting),
        logger: pino({ level: 'info' }, new Writable({ write })),
        ...change,
        environment: { PATH, HOME, LOG_LEVEL: 'silent', SANDBOX: 'none', ...own, ...change.environment },
      })
      onTestFinished(async () => {
        await pool.stop(10_000)
        await store.close()
      })
      await pool.start()
      return Object.assign(test, { pool })
    },
  })
}
