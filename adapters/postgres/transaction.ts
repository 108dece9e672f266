import type { Pool, QueryResult, QueryResultRow } from 'pg'

/** The database as one asks it questions: directly or in a transaction. */
export interface Reader {
  query<Row extends QueryResultRow>(text: string, values?: unknown[]): Promise<QueryResult<Row>>
}

/** One transaction. Its statements run in the order in which they are given, whether anybody waits for them or not. */
export interface Transaction extends Reader {
  /** Sends a statement whose answer nobody needs; when it fails, the transaction does. */
  write(text: string, values?: unknown[]): void
}

/**
 * Runs work in one transaction; rolls back when anything of it fails. Statements are sent as soon as they are given
 * (the pool pipelines): the beginning travels with the first question, the end with the last writes.
 */
export async function inTransaction<T>(pool: Pool, work: (transaction: Transaction) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let broken = false
  const sent: Promise<unknown>[] = []
  const transaction: Transaction = {
    query<Row extends QueryResultRow>(text: string, values?: unknown[]) {
      const answer = client.query<Row>(text, values)
      // Whoever asked may have stopped listening; the end of the transaction listens to all.
      answer.catch(() => undefined)
      sent.push(answer)
      return answer
    },
    write: (text, values) => void transaction.query(text, values),
  }
  try {
    transaction.write('begin')
    const result = await work(transaction)
    transaction.write('commit')
    await Promise.all(sent)
    return result
  } catch (error) {
    // A connection that cannot even roll back is thrown away together with its transaction.
    await client.query('rollback').catch(() => (broken = true))
    throw error
  } finally {
    client.release(broken)
  }
}
