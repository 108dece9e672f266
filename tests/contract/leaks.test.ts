import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { leaksInDatabase } from '../../chaos/leaks.ts'
import { freshDatabase } from '../support/database.ts'

const SECRETS = { 'the admin key': 'ocg_admin_secret', 'the key of the model': 'model_secret' }
let url: string
let client: pg.Client
beforeAll(async () => {
  url = await freshDatabase()
  client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('create table said (text text); create table "Kept" (id int, bytes bytea, more jsonb)')
})
afterAll(() => client.end())

describe('what the chaos harness looks for in the database', () => {
  it('is found in no table that holds none of it', async () => {
    await client.query(`insert into said values ('nothing to see')`)
    expect(await leaksInDatabase(url, SECRETS)).toEqual([])
  })

  it('is found in text, in bytes and in JSON', async () => {
    // Long and repeated, so that PostgreSQL compresses it.
    await client.query(`insert into said values (repeat('x', 100000) || $1)`, ['a model_secret'])
    await client.query(`insert into "Kept" values (1, $1, $2)`, [
      Buffer.from('ocg_admin_secret'),
      '{"a":"model_secret"}',
    ])
    expect([...(await leaksInDatabase(url, SECRETS))].toSorted()).toEqual([
      'the admin key in the table public."Kept"',
      'the key of the model in the table public."Kept"',
      'the key of the model in the table public.said',
    ])
  })
})
