/**
 * Sends a signal to a process, or to the group of a negative pid; false when it is gone already.
 *
 * Throws a RangeError for what is neither: to kill(2), 0 is the caller's own group and -1 is everybody.
 */
export function kill(pid: number, name: NodeJS.Signals): boolean {
  if (!Number.isSafeInteger(pid) || Math.abs(pid) <= 1)
    throw new RangeError(`${name} was to be sent to ${pid}, which is no process and no group of one.`)
  try {
    return process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    return false
  }
}
