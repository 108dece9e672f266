import { openStore } from '../../adapters/postgres/store.ts'
import type { Store } from '../../domain/ports/store.ts'
import { freshDatabase } from './database.ts'

/** An empty store, opened twice: `other` stands for another process on the same data. */
export interface OpenedStore {
  readonly store: Store
  readonly other: Store
  close(): Promise<void>
}

/** Every implementation of the `Store` port. Its suites in tests/contract run on each. */
export const STORES: Readonly<Record<string, () => Promise<OpenedStore>>> = {
  async PostgreSQL() {
    const url = await freshDatabase()
    const store = await openStore({ url, connections: 8 })
    const other = await openStore({ url, connections: 8 })
    return {
      store,
      other,
      async close() {
        await store.close()
        await other.close()
      },
    }
  },
}
