import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import pg from 'pg'
import { answerQuestions } from '../helper-process.ts'

/** The floor of a webhook: one route, one row, then the answer. */
const [database = ''] = process.argv.slice(2)
const pool = new pg.Pool({ connectionString: database, max: 5 })
await pool.query('create table if not exists bare_message (id bigint primary key, message json not null)')

const app = new Hono()
app.post('/', async (context) => {
  const update = await context.req.json<{ update_id: number }>()
  await pool.query('insert into bare_message (id, message) values ($1, $2)', [update.update_id, JSON.stringify(update)])
  return context.body(null, 200)
})
const port = new Promise<number>((resolve) => {
  const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, (info) => resolve(info.port))
  answerQuestions(
    () => port,
    async () => {
      server.close()
      await pool.end()
    },
  )
})
