import { setTimeout as delay } from 'node:timers/promises'

const EVERY_MS = 200

/** The highest value seen while some work was done. */
export async function whileWatching(
  read: () => number | Promise<number>,
  work: () => Promise<unknown>,
): Promise<number> {
  let highest = 0
  const over = new AbortController()
  const watching = (async () => {
    while (!over.signal.aborted) {
      highest = Math.max(highest, await read())
      await delay(EVERY_MS, undefined, { signal: over.signal }).catch(() => undefined)
    }
  })()
  try {
    await work()
  } finally {
    over.abort()
    await watching
  }
  return highest
}
