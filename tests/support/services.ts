import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { startPostgres } from '../../adapters/postgres/embedded.ts'
import { migrate } from '../../adapters/postgres/migrate.ts'
import { anyPort } from '../../adapters/processes/ports.ts'
import { installPrograms } from './programs.ts'

/** One real PostgreSQL for the whole run; every suite makes a database of its own on it. */
export default async function startServices(project: TestProject): Promise<() => Promise<void>> {
  const { temporal, timeSkippingServer } = await installPrograms()
  const directory = await mkdtemp(join(tmpdir(), 'ocg-tests-'))
  const postgres = await startPostgres({
    directory: join(directory, 'postgres'),
    port: await anyPort('127.0.0.1'),
    log: join(directory, 'postgres.log'),
    volatile: true,
  })
  project.provide('postgresUrl', postgres.url)
  project.provide('postgresTemplate', await migratedDatabase(postgres.url))
  project.provide('temporalProgram', temporal)
  project.provide('timeSkippingServer', timeSkippingServer)
  return async () => {
    await postgres.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

/** The migrations run once; each suite gets a copy of what they made. */
async function migratedDatabase(admin: string): Promise<string> {
  const name = 'migrated'
  const url = new URL(admin)
  url.pathname = `/${name}`
  await withPool(admin, (pool) => pool.query(`create database ${name}`))
  await withPool(url.href, migrate)
  return name
}

async function withPool(connectionString: string, work: (pool: pg.Pool) => Promise<unknown>): Promise<void> {
  const pool = new pg.Pool({ connectionString, max: 1 })
  try {
    await work(pool)
  } finally {
    await pool.end()
  }
}
