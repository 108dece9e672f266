import type { Client } from 'pg'

const COLUMNS = `
  select relname as table, attname as name, format_type(atttypid, atttypmod) as type, attnotnull as required,
    pg_get_expr(adbin, adrelid) as value, attidentity as identity
  from pg_attribute join pg_class c on c.oid = attrelid left join pg_attrdef on (adrelid, adnum) = (attrelid, attnum)
  where relnamespace = 'public'::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped
  order by relname collate "C", attnum`
/** Without those that repeat `not null`, which some versions list too. */
const CONSTRAINTS = `
  select conrelid::regclass::text as table, conname as name, pg_get_constraintdef(oid) as definition
  from pg_constraint where connamespace = 'public'::regnamespace and contype <> 'n'
  order by conname collate "C"`
const INDEXES = `
  select tablename as table, indexdef as definition from pg_indexes
  where schemaname = 'public' and indexname not in (select conname from pg_constraint)
  order by indexname collate "C"`

interface Column {
  readonly table: string
  readonly name: string
  readonly type: string
  readonly required: boolean
  readonly value: string | null
  readonly identity: string
}

/** The schema of a database as SQL that a person can read and compare: tables by name, each with all that belongs to it. */
export async function schemaOf(client: Client): Promise<string> {
  const columns = (await client.query<Column>(COLUMNS)).rows
  const constraints = (await client.query<{ table: string; name: string; definition: string }>(CONSTRAINTS)).rows
  const indexes = (await client.query<{ table: string; definition: string }>(INDEXES)).rows
  const tables = [...new Set(columns.map(({ table }) => table))]
  const blocks = tables.map((table) => {
    const own = <Row extends { readonly table: string }>(rows: readonly Row[]) =>
      rows.filter((row) => row.table === table)
    const lines = [
      ...own(columns).map(lineOf),
      ...own(constraints).map(({ name, definition }) => `  constraint ${name} ${definition}`),
    ]
    return [
      `create table ${table} (\n${lines.join(',\n')}\n);`,
      ...own(indexes).map(({ definition }) => `${definition};`),
    ].join('\n')
  })
  return `${blocks.join('\n\n')}\n`
}

function lineOf({ name, type, required, value, identity }: Column): string {
  const suffixes = [
    required ? ' not null' : '',
    value === null ? '' : ` default ${value}`,
    identity === 'a' ? ' generated always as identity' : '',
  ]
  return `  ${name} ${type}${suffixes.join('')}`
}
