import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import pg from 'pg'

/** What must stand nowhere, by what it is. */
export type Secrets = Readonly<Record<string, string>>

/** Where a secret stands in the files of a folder: logs, ledgers, workspaces, Temporal's histories. */
export async function leaksInFiles(directory: string, secrets: Secrets): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const leaks: string[] = []
  for (const entry of entries.filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name)
    const bytes = await readFile(path)
    for (const name of contained(secrets, (secret) => bytes.includes(secret)))
      leaks.push(`${name} in ${relative(directory, path)}`)
  }
  return leaks
}

/** Where a secret stands in a table of PostgreSQL, whose files are compressed in parts. */
export async function leaksInDatabase(url: string, secrets: Secrets): Promise<readonly string[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const leaks: string[] = []
    const tables = await client.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
        where schemaname not in ('pg_catalog', 'information_schema')`,
    )
    for (const { name: table } of tables.rows) {
      const found = await Promise.all(
        Object.entries(secrets).map(async ([name, secret]) => {
          // As text a column of bytes is hexadecimal.
          const text = `select 1 from ${table} as t where position($1 in t::text) + position($2 in t::text) > 0 limit 1`
          const { rowCount } = await client.query(text, [secret, Buffer.from(secret).toString('hex')])
          return rowCount === 0 ? [] : [`${name} in the table ${table}`]
        }),
      )
      leaks.push(...found.flat())
    }
    return leaks
  } finally {
    await client.end()
  }
}

const contained = (secrets: Secrets, holds: (secret: string) => boolean): readonly string[] =>
  Object.entries(secrets).flatMap(([name, secret]) => (holds(secret) ? [name] : []))
