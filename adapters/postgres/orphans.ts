import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { kill } from '../processes/kill.ts'

/** A backend ends at once when it may; one in the middle of a system call needs a moment. */
const QUIT_LIMIT_MS = 5_000
const LOOK_MS = 25

/**
 * Clears what a killed server left in its data folder, so that another one starts there; it recovers what they left.
 * A backend in the middle of a query does not notice that its server is gone, and keeps its memory. And a server that
 * nobody has buried yet counts as running, by the lock file.
 */
export async function endOrphans(data: string): Promise<void> {
  const folder = realpathSync(data)
  const deadline = performance.now() + QUIT_LIMIT_MS
  for (let first = true; ; first = false) {
    const orphans = processes().filter((pid) => isOf(folder, pid))
    if (orphans.length === 0) break
    const isLate = performance.now() > deadline
    if (first || isLate) for (const pid of orphans) kill(pid, isLate ? 'SIGKILL' : 'SIGQUIT')
    await delay(LOOK_MS)
  }
  if (processes().length > 0) await rm(join(data, 'postmaster.pid'), { force: true })
}

/** Whether a living process of PostgreSQL stands in the folder, as all of its server do, or dies there. */
function isOf(folder: string, pid: number): boolean {
  try {
    const [name, state] = /\((.*)\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.slice(1) ?? []
    if (name?.startsWith('postgres') !== true || state === 'Z' || state === 'X') return false
    return readlinkSync(`/proc/${pid}/cwd`) === folder
  } catch {
    return false
  }
}

/** Empty where /proc does not tell. */
function processes(): readonly number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger)
  } catch {
    return []
  }
}
