import { Context } from '@temporalio/activity'

/** The server ends an activity after five missed beats. */
const BEAT_MS = 1_000

/**
 * Beats until `work` ends, so that a dead or frozen process is noticed within seconds. The start itself counts as the
 * first beat; most steps are over before the second.
 */
export async function beating<T>(work: () => Promise<T>): Promise<T> {
  const context = Context.current()
  const beat = setInterval(() => context.heartbeat(), BEAT_MS)
  try {
    return await work()
  } finally {
    clearInterval(beat)
  }
}
