import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { kill } from '../processes/kill.ts'

/** A backend ends at once when it may; one in the middle of a system call needs a moment. */
const QUIT_LIMIT_MS = 5_000
const LOOK_MS = 25

/**
 * Ends what a killed server left at work in its data folder. A backend in the middle of a query does not notice that its
 * server is gone, and as long as it lives no other server starts there. The next start recovers what they left.
 */
export async function endOrphans(data: string): Promise<void> {
  const deadline = performance.now() + QUIT_LIMIT_MS
  for (let first = true; ; first = false) {
    const orphans = backendsIn(data)
    if (orphans.length === 0) return
    const isLate = performance.now() > deadline
    if (first || isLate) for (const pid of orphans) kill(pid, isLate ? 'SIGKILL' : 'SIGQUIT')
    await delay(LOOK_MS)
  }
}

/** Every process of PostgreSQL stands in its server's data folder. Empty where /proc does not tell. */
function backendsIn(data: string): readonly number[] {
  const folder = realpathSync(data)
  return processes().filter((pid) => {
    try {
      return (
        readlinkSync(`/proc/${pid}/cwd`) === folder && readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('postgres')
      )
    } catch {
      return false
    }
  })
}

function processes(): readonly number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger)
  } catch {
    return []
  }
}
