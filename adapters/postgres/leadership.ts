import { createHash } from 'node:crypto'
import pg from 'pg'
import type { Leadership } from '../../domain/ports/store.ts'

/** The system finds a dead connection within this time, also one nobody writes to. */
const KEEP_ALIVE_MS = 5_000

/** A session's advisory lock: it is free as soon as its holder's connection ends, however it ends. */
export async function tryToLead(connectionString: string, office: string): Promise<Leadership | undefined> {
  const client = new pg.Client({
    connectionString,
    application_name: `openclaw-${office}`,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
  })
  const lost = new AbortController()
  // What broke also ends.
  client.on('error', () => undefined)
  client.once('end', () => lost.abort())
  try {
    await client.connect()
    const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [keyOf(office)])
    if (rows[0]?.taken) return { lost: lost.signal, resign: () => client.end() }
  } catch (error) {
    await client.end().catch(() => undefined)
    throw error
  }
  await client.end()
  return undefined
}

/** Advisory locks have numbers for names. */
const keyOf = (office: string): string =>
  createHash('sha256').update(`openclaw ${office}`).digest().readBigInt64BE().toString()
