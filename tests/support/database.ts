import pg from 'pg'
import { ulid } from 'ulidx'
import { inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    /** Superuser URL of the run's own PostgreSQL. */
    postgresUrl: string
    /** Path of the `temporal` program. */
    temporalProgram: string
    /** Path of Temporal's time-skipping test server. */
    timeSkippingServer: string
  }
}

/** A fresh database of its own on the run's PostgreSQL. */
export async function freshDatabase(): Promise<string> {
  const admin = inject('postgresUrl')
  const name = `test_${ulid().toLowerCase()}`
  const client = new pg.Client({ connectionString: admin })
  await client.connect()
  await client.query(`create database ${name}`)
  await client.end()
  const url = new URL(admin)
  url.pathname = `/${name}`
  return url.href
}
