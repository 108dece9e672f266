import pg from 'pg'
import { answerQuestions } from '../helper-process.ts'

/** The least record of a step: one row, found again after a crash. */
const [database = ''] = process.argv.slice(2)
const pool = new pg.Pool({ connectionString: database, max: 5 })
await pool.query('create table if not exists bare_record (id bigserial primary key, step integer not null)')

answerQuestions(
  async (count: number) => {
    for (let step = 0; step < count; step++) await pool.query('insert into bare_record (step) values ($1)', [step])
  },
  () => pool.end(),
)
