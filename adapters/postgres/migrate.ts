import { readdir, readFile } from 'node:fs/promises'
import type { Pool } from 'pg'
import { inTransaction } from './transaction.ts'

const FOLDER = new URL('migrations/', import.meta.url)
/** Any fixed number: all gateways on one database take the same lock. */
const LOCK = 4_620_731

/** Brings the schema up to date: numbered SQL files, each once, in order, one process at a time. */
export async function migrate(pool: Pool): Promise<readonly string[]> {
  const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.sql')).toSorted()
  return inTransaction(pool, async (transaction) => {
    await transaction.query('select pg_advisory_xact_lock($1)', [LOCK])
    await transaction.query(
      'create table if not exists migration (name text primary key, applied_at timestamptz not null default now())',
    )
    const applied = new Set(
      (await transaction.query<{ name: string }>('select name from migration')).rows.map((row) => row.name),
    )
    const missing = files.filter((name) => !applied.has(name))
    for (const name of missing) {
      await transaction.query(await readFile(new URL(name, FOLDER), 'utf8'))
      await transaction.query('insert into migration (name) values ($1)', [name])
    }
    return missing
  })
}
