import { setTimeout as delay } from 'node:timers/promises'
import type { Channel } from '../../domain/ports/channel.ts'

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 300_000

/**
 * Tells a service about this gateway until it took that, or until the signal: before, no message may arrive from it. The
 * same trouble is told once, however often it is met.
 */
export async function introduce(
  options: {
    readonly channel: Pick<Channel, 'introduce'>
    readonly webhookUrl: string | undefined
    readonly onTrouble: (error: unknown) => void
  },
  signal: AbortSignal,
): Promise<void> {
  const { channel, webhookUrl, onTrouble } = options
  let told: string | undefined
  for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await channel.introduce(webhookUrl, signal)
    } catch (error) {
      if (signal.aborted) return
      if (String(error) !== told) onTrouble(error)
      told = String(error)
    }
    await delay(pauseMs, undefined, { signal }).catch(() => undefined)
  }
}
