import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { migrate } from '../../adapters/postgres/migrate.ts'
import { emptyDatabase } from '../support/database.ts'
import { schemaOf } from '../support/schema-dump.ts'

const FILES = readdirSync('adapters/postgres/migrations').toSorted()

/** What the processes wait at until all are there; any number. */
const GATE = '1'

let url: string
let client: pg.Client
beforeEach(async () => {
  url = await emptyDatabase()
  client = new pg.Client({ connectionString: url })
  await client.connect()
})
afterEach(() => client.end())

const migrateHere = async (): Promise<readonly string[]> => {
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  try {
    return await migrate(pool)
  } finally {
    await pool.end()
  }
}
const applied = async () =>
  (await client.query('select name from migration order by name')).rows.map(({ name }) => name as string)

describe('migrations', () => {
  it('are numbered files, without a gap', () => {
    expect(FILES.map((name) => name.slice(0, 5))).toEqual(
      FILES.map((_, index) => `${String(index + 1).padStart(4, '0')}_`),
    )
    expect(FILES.every((name) => /^\d{4}_[a-z-]+\.sql$/.test(name))).toBe(true)
  })

  it('are applied once by 5 processes that start at once on an empty database', async () => {
    const run = promisify(execFile)
    await client.query('select pg_advisory_lock($1)', [GATE])
    const starts = Array.from({ length: 5 }, () =>
      run(process.execPath, ['bin/run.mjs', 'tests/support/migrate-database.ts', url, GATE]),
    )
    await vi.waitFor(async () => {
      const { rowCount } = await client.query(`select 1 from pg_locks where locktype = 'advisory' and not granted
           and database = (select oid from pg_database where datname = current_database())`)
      expect(rowCount).toBe(5)
    }, 30_000)
    await client.query('select pg_advisory_unlock($1)', [GATE])
    const outputs = await Promise.all(starts)
    expect(outputs.map(({ stdout }) => stdout.trim()).toSorted()).toEqual(
      [JSON.stringify(FILES), '[]', '[]', '[]', '[]'].toSorted(),
    )
    expect(await applied()).toEqual(FILES)
  })

  it('do nothing the second time, and keep what is stored', async () => {
    expect(await migrateHere()).toEqual(FILES)
    await client.query(`insert into api_key (id, tenant, name, roles, hash) values ('k', 't', 'n', '{admin}', 'h')`)
    expect(await migrateHere()).toEqual([])
    expect((await client.query('select 1 from api_key')).rowCount).toBe(1)
  })

  it('that fail leave nothing behind', async () => {
    await client.query('create table builder (id text)')
    await expect(migrateHere()).rejects.toThrow('already exists')
    const { rows } = await client.query(`select tablename from pg_tables where schemaname = 'public'`)
    expect(rows).toEqual([{ tablename: 'builder' }])
  })

  /** A new migration changes schema.sql: `npx vitest run tests/contract/store-migrations.test.ts -u` writes it. */
  it('lead from nothing to the schema in schema.sql', async () => {
    await migrateHere()
    await expect(await schemaOf(client)).toMatchFileSnapshot('schema.sql')
  })
})
