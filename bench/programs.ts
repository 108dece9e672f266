import { delimiter, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { childEnvironment } from '../adapters/config.ts'
import { ensureBubblewrap, installedBubblewrap } from '../adapters/sandbox/find-bubblewrap.ts'
import { findTemporal } from '../adapters/temporal/find-temporal.ts'

/** Programs installed once and kept from run to run, as the tests do. */
const PROGRAMS = fileURLToPath(new URL('../.cache/programs/', import.meta.url))

const report = (line: string) => void process.stderr.write(`${line}\n`)

/** A PATH on which Temporal's server stands; it is installed where the machine lacks it. */
export async function environmentOf(): Promise<Readonly<Record<string, string>>> {
  const environment = childEnvironment({})
  const temporal = await findTemporal({ directory: `${PROGRAMS}temporal`, environment, report })
  return { PATH: [dirname(temporal), environment['PATH'] ?? ''].join(delimiter) }
}

/** Path of bubblewrap. */
export async function bubblewrap(): Promise<string> {
  const directory = `${PROGRAMS}bubblewrap`
  await ensureBubblewrap({ directory, environment: childEnvironment({}), report })
  const program = installedBubblewrap(directory)
  if (program === undefined) throw new Error('There is no bubblewrap.')
  return program
}
