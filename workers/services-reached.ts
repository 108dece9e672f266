import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import type { Reached } from '../domain/builder-health.ts'
import type { Store } from '../domain/ports/store.ts'

/** Which services answer this process within a time. The supervisor and its builders ask the same way. */
export async function servicesReached(
  { client, store }: { readonly client: Client; readonly store: Store },
  limitMs: number,
): Promise<Reached> {
  const over = new AbortController()
  const late = delay(limitMs, false, { signal: over.signal, ref: false }).catch(() => false)
  const answers = (asked: Promise<unknown>) =>
    Promise.race([
      late,
      asked.then(
        () => true,
        () => false,
      ),
    ])
  const temporal = client.withDeadline(Date.now() + limitMs, () => client.workflowService.getSystemInfo({}))
  const [reachesTemporal, reachesDatabase] = await Promise.all([answers(temporal), answers(store.ping())])
  over.abort()
  return { temporal: reachesTemporal, database: reachesDatabase }
}
