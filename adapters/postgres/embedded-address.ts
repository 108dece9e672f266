import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** URL of the database that runs in a folder of `startPostgres`. */
export function embeddedAddress(directory: string): string {
  const password = readFileSync(join(directory, 'password'), 'utf8').trim()
  // The fourth line is the port.
  const port = readFileSync(join(directory, 'data', 'postmaster.pid'), 'utf8').split('\n')[3]
  return `postgres://gateway:${password}@127.0.0.1:${port}/gateway`
}
