import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { inTransaction } from '../../adapters/postgres/transaction.ts'
import { freshDatabase } from '../support/database.ts'

let pool: pg.Pool

beforeAll(async () => {
  pool = new pg.Pool({ connectionString: await freshDatabase(), max: 1, pipeline: true })
  await pool.query('create table note (text text primary key)')
})
afterAll(() => pool.end())
beforeEach(async () => void (await pool.query('delete from note')))

const notes = async () => (await pool.query<{ text: string }>('select text from note order by text')).rows

describe('a transaction', () => {
  test('keeps what was written without waiting, in its order', async () => {
    await inTransaction(pool, async (transaction) => {
      transaction.write('insert into note values ($1)', ['first'])
      transaction.write('update note set text = $1', ['second'])
      expect((await transaction.query('select * from note')).rows).toEqual([{ text: 'second' }])
    })
    expect(await notes()).toEqual([{ text: 'second' }])
  })

  test('fails and keeps nothing when a write fails that nobody waits for', async () => {
    const failing = inTransaction(pool, (transaction) => {
      transaction.write('insert into note values ($1)', ['kept?'])
      transaction.write('insert into nowhere values (1)')
      transaction.write('insert into note values ($1)', ['after'])
      return Promise.resolve()
    })
    await expect(failing).rejects.toThrow('nowhere')
    expect(await notes()).toEqual([])
  })

  test('keeps nothing when the work throws while its writes are under way', async () => {
    const failing = inTransaction(pool, (transaction) => {
      transaction.write('insert into note values ($1)', ['kept?'])
      return Promise.reject(new Error('changed my mind'))
    })
    await expect(failing).rejects.toThrow('changed my mind')
    expect(await notes()).toEqual([])
  })

  test('leaves the connection usable after a failure', async () => {
    await inTransaction(pool, (transaction) => transaction.query('no sql')).catch(() => undefined)
    await inTransaction(pool, (transaction) => transaction.query('insert into note values ($1)', ['next']))
    expect(await notes()).toEqual([{ text: 'next' }])
  })
})
