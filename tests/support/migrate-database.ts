import pg from 'pg'
import { migrate } from '../../adapters/postgres/migrate.ts'

/**
 * Started as a process of its own: waits at the gate, brings a database up to date and prints the migrations it
 * applied itself.
 */
const [connectionString, gate] = process.argv.slice(2)
const waiting = new pg.Client({ connectionString })
await waiting.connect()
await waiting.query('select pg_advisory_lock_shared($1)', [gate])
const pool = new pg.Pool({ connectionString, max: 1 })
console.log(JSON.stringify(await migrate(pool)))
await Promise.all([pool.end(), waiting.end()])
