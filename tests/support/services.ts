import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startPostgres } from '../../adapters/postgres/embedded.ts'
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
  project.provide('temporalProgram', temporal)
  project.provide('timeSkippingServer', timeSkippingServer)
  return async () => {
    await postgres.stop()
    await rm(directory, { recursive: true, force: true })
  }
}
