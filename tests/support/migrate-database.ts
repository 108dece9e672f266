import pg from 'pg'
import { migrate } from '../../adapters/postgres/migrate.ts'

/** Started as a process of its own: brings a database up to date and prints the migrations it applied itself. */
const pool = new pg.Pool({ connectionString: process.argv[2], max: 1 })
console.log(JSON.stringify(await migrate(pool)))
await pool.end()
