import { createHash } from 'node:crypto'
import { Socket } from 'node:net'
import pg from 'pg'
import type { Leadership, Store } from '../../domain/ports/store.ts'

/** The system finds a dead connection within this time, also one nobody writes to. */
const KEEP_ALIVE_MS = 5_000

/** One connection that holds an office or waits for it. */
interface Candidate {
  leadership?: Leadership
  /** Ends a wait at once, whether the database answers or not. */
  withdraw(): void
}

/** Offices as a store offers them; closing them ends every wait. */
export interface Offices extends Pick<Store, 'tryToLead'> {
  close(): void
}

/**
 * Each office is a session's advisory lock: it is free as soon as its holder's connection ends, however it ends. Who
 * finds it held keeps one connection waiting in the database's own queue, and leads when that is granted.
 */
export function createOffices(connectionString: string): Offices {
  const candidates = new Map<string, Candidate>()
  return {
    async tryToLead(office) {
      const known = candidates.get(office)
      if (known) return known.leadership
      const socket = new Socket()
      const client = new pg.Client({
        ...{ connectionString, stream: () => socket, application_name: `openclaw-${office}` },
        ...{ keepAlive: true, keepAliveInitialDelayMillis: KEEP_ALIVE_MS },
      })
      const candidate: Candidate = { withdraw: () => void socket.destroy() }
      candidates.set(office, candidate)
      const lost = new AbortController()
      // What broke also ends.
      client.on('error', () => undefined)
      client.once('end', () => {
        if (candidates.get(office) === candidate) candidates.delete(office)
        lost.abort()
      })
      const lead = () => (candidate.leadership = { lost: lost.signal, resign: () => client.end() })
      try {
        await client.connect()
        const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [
          keyOf(office),
        ])
        if (rows[0]?.taken) return lead()
      } catch (error) {
        candidates.delete(office)
        socket.destroy()
        throw error
      }
      // A wait that breaks off ends the connection; the next attempt opens another.
      client.query('select pg_advisory_lock($1)', [keyOf(office)]).then(lead, () => socket.destroy())
      return undefined
    },
    close() {
      for (const { leadership, withdraw } of candidates.values()) if (!leadership) withdraw()
    },
  }
}

/** Advisory locks have numbers for names. */
const keyOf = (office: string): string =>
  createHash('sha256').update(`openclaw ${office}`).digest().readBigInt64BE().toString()
