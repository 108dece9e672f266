import { setTimeout as delay } from 'node:timers/promises'
import { Api, GrammyError } from 'grammy'
import type { Received } from '../../domain/ports/channel.ts'
import { createTelegramReader } from './telegram-webhook.ts'

/** The service holds a poll open for this long; a gateway that stops ends it at once. */
const POLL_S = 25
/** After a poll that failed. */
const PAUSE_MS = 1_000

/**
 * Fetches updates until the signal. The next poll confirms what the last one brought, so it begins only when `take` has
 * made that durable.
 */
export async function pollTelegram(
  options: {
    readonly token: string
    readonly apiUrl: string
    readonly take: (received: Received) => Promise<void>
    readonly onFailure: (reason: string) => void
  },
  signal: AbortSignal,
): Promise<void> {
  const api = new Api(options.token, { apiRoot: options.apiUrl, timeoutSeconds: POLL_S + 10 })
  const { read } = createTelegramReader(options.token)
  let offset = 0
  while (!signal.aborted) {
    try {
      const query = { offset, timeout: POLL_S, allowed_updates: ['message', 'callback_query'] as const }
      const updates = await api.getUpdates(query, signal as never)
      for (const update of updates) {
        // One by one: a group that moved says so between what was said in both.
        await options.take(read(update))
        offset = update.update_id + 1
      }
    } catch (error) {
      if (signal.aborted) return
      options.onFailure(error instanceof GrammyError ? error.description : 'the service did not answer')
      await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined)
    }
  }
}
