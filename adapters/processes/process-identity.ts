import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { kill } from './kill.ts'

/** A process as nobody else can be it: the number alone is given out again. */
export interface ProcessIdentity {
  readonly pid: number
  /** When it started, as the system tells it; equal texts mean the same process. */
  readonly startedAt: string
}

/** The identity of a living process; undefined when there is none of that number. */
export function identify(pid: number): ProcessIdentity | undefined {
  const startedAt = process.platform === 'linux' ? startOnLinux(pid) : askPs(pid, 'lstart')
  return startedAt === undefined ? undefined : { pid, startedAt }
}

/** Whether this very process still lives. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startedAt === identity.startedAt
}

/** Ends a process by its identity: politely first, then by force; resolves when it is gone. */
export async function end(
  identity: ProcessIdentity,
  options: { readonly signal: NodeJS.Signals; readonly limitMs: number },
): Promise<void> {
  const deadline = performance.now() + options.limitMs
  send(identity, options.signal)
  while (isAlive(identity)) {
    if (performance.now() > deadline) send(identity, 'SIGKILL')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function send(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (isAlive(identity)) kill(identity.pid, signal)
}

/** The process group of a process: that of a service holds whatever its program started. */
export function groupOf(pid: number): number | undefined {
  const group = process.platform === 'linux' ? statOnLinux(pid)?.[2] : askPs(pid, 'pgid')
  return group === undefined ? undefined : Number(group)
}

function startOnLinux(pid: number): string | undefined {
  const fields = statOnLinux(pid)
  return fields?.[0] === 'Z' || fields?.[0] === 'X' ? undefined : fields?.[19]
}

/**
 * `/proc/<pid>/stat` from its third field on: state, parent, group … start time in ticks (the twentieth). The name
 * before them may hold anything.
 */
function statOnLinux(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

function askPs(pid: number, column: 'lstart' | 'pgid'): string | undefined {
  try {
    return execFileSync('ps', ['-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined
  } catch {
    return undefined
  }
}
