import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { startPostgres } from '../../adapters/postgres/embedded.ts'
import { anyPort } from '../../adapters/processes/ports.ts'
import { kill } from '../../adapters/processes/kill.ts'

test('a killed server whose backends are at work is started again, and has what was committed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ocg-postgres-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const port = await anyPort('127.0.0.1')
  const options = { directory: join(folder, 'postgres'), port, log: join(folder, 'postgres.log') }
  const connect = async (url: string) => {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => undefined)
    await client.connect()
    return client
  }
  const killed = await startPostgres(options)
  const clients = await Promise.all(Array.from({ length: 4 }, () => connect(killed.url)))
  await clients[0]?.query('create table kept as select 1 as number')
  // A backend in the middle of such a query does not look whether its server still lives.
  for (const client of clients)
    client.query('select count(*) from generate_series(1, 1000000000)').catch(() => undefined)
  const working =
    "select count(*)::int as backends from pg_stat_activity where query like '%generate_series(1%' and state = 'active'"
  const watcher = await connect(killed.url)
  await expect.poll(async () => (await watcher.query(working)).rows[0]?.backends as number).toBeGreaterThan(4)
  kill(killed.pid, 'SIGKILL')
  await killed.ended

  const successor = await startPostgres(options)
  const client = await connect(successor.url)
  expect((await client.query('select number from kept')).rows).toEqual([{ number: 1 }])
  await client.end()
  await successor.stop()
})
