import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { childEnvironment } from '../../adapters/config.ts'
import { createSandbox } from '../../adapters/sandbox/create-sandbox.ts'
import { ensureBubblewrap } from '../../adapters/sandbox/find-bubblewrap.ts'
import { findTemporal } from '../../adapters/temporal/find-temporal.ts'
import type { Sandbox } from '../../domain/ports/sandbox.ts'

/** Programs the tests install where the machine lacks them, kept from run to run. */
const PROGRAMS = fileURLToPath(new URL('../../.cache/programs/', import.meta.url))
export const bubblewrapFolder = join(PROGRAMS, 'bubblewrap')
const search = { environment: childEnvironment({}), report: (line: string) => process.stderr.write(`${line}\n`) }

/** Installs what is missing, so that no suite pays for it. */
export async function installPrograms(): Promise<{ readonly temporal: string }> {
  await ensureBubblewrap({ ...search, directory: bubblewrapFolder })
  return { temporal: await findTemporal({ ...search, directory: join(PROGRAMS, 'temporal') }) }
}

/** The real sandbox. */
export const bubblewrap = (): Promise<Sandbox> => createSandbox({ mode: 'bubblewrap', programs: bubblewrapFolder })
