import { setTimeout as delay } from 'node:timers/promises'
import type { Store } from '../domain/ports/store.ts'

/** How soon a successor takes over from a process that is gone. */
const TRY_EVERY_MS = 1_000

/** Does work that only one process may do, for as long as this one holds the office; until the signal. */
export async function whileLeading(
  options: {
    readonly store: Pick<Store, 'tryToLead'>
    readonly office: string
    readonly work: (leading: AbortSignal) => Promise<void>
    readonly onFailure: (error: unknown) => void
  },
  stopping: AbortSignal,
): Promise<void> {
  const { store, office, work, onFailure } = options
  while (!stopping.aborted) {
    try {
      const leadership = await store.tryToLead(office)
      if (leadership) {
        const leading = AbortSignal.any([stopping, leadership.lost])
        try {
          await work(leading)
        } finally {
          await leadership.resign()
        }
      }
    } catch (error) {
      onFailure(error)
    }
    await delay(TRY_EVERY_MS, undefined, { signal: stopping }).catch(() => undefined)
  }
}
