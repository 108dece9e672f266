import pg from 'pg'
import { ulid } from 'ulidx'
import { inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    /** Superuser URL of the run's own PostgreSQL. */
    postgresUrl: string
    /** Name of a database there that has today's schema and no row. */
    postgresTemplate: string
    /** Path of the `temporal` program. */
    temporalProgram: string
    /** Path of Temporal's time-skipping test server. */
    timeSkippingServer: string
  }
}

/** URL of a fresh database of its own on the run's PostgreSQL, with today's schema. */
export const freshDatabase = (): Promise<string> => databaseFrom(inject('postgresTemplate'))

/** The same with nothing in it. */
export const emptyDatabase = (): Promise<string> => databaseFrom('template1')

async function databaseFrom(template: string): Promise<string> {
  const admin = inject('postgresUrl')
  const name = `test_${ulid().toLowerCase()}`
  const client = new pg.Client({ connectionString: admin })
  await client.connect()
  await client.query(`create database ${name} template ${template}`)
  await client.end()
  const url = new URL(admin)
  url.pathname = `/${name}`
  return url.href
}
