import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { kill } from '../processes/kill.ts'

/** Processes that are killed while they make new ones are looked for again; one that wins so often is no accident. */
const ROUNDS = 20

/** Kills every process that was started with a variable, given as `NAME=value`. Does nothing where there is no /proc. */
export function endProcessesWith(variable: string): void {
  if (!existsSync('/proc/self/environ')) return
  for (let round = 0; round < ROUNDS; round++) {
    const found = processesWith(variable)
    if (found.length === 0) return
    for (const pid of found) kill(pid, 'SIGKILL')
  }
}

function processesWith(variable: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && environmentOf(name).includes(`\0${variable}\0`))
    .map(Number)
}

/** Empty for what has ended, and for processes of somebody else. */
function environmentOf(pid: string): string {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}`
  } catch {
    return ''
  }
}
