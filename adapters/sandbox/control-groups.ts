import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { BlockedAttempt } from '../../domain/ports/sandbox.ts'
import { groupFolders, type GroupFolders } from './control-group-folders.ts'
import { inGib, LIMITS } from './limits.ts'

const run = promisify(execFile)
/** `ocg-<pid of the gateway's process>-<any>`: who is gone is known by its pid. */
const NAME = /^ocg-(\d+)-/
/** A quarter of what everything else has: the gateway, its database and its heartbeats come first. Idle time is free. */
const CPU_SHARES = { 1: ['cpu.shares', '256'], 2: ['cpu.weight', '25'] } as const
/** Moving a process under version 1's cpu controller takes ten times as long as the rest: short commands go without. */
const CPU_AFTER_MS = 200
/** Killed processes leave their group in their own time. */
const REMOVALS = { tries: 20, pauseMs: 50 } as const

/** The control groups of one command. */
export interface CommandGroup {
  /** Files a process writes 0 to, to be in. */
  readonly entrances: readonly string[]
  /** Says what the groups stopped and removes them, once the command has ended. */
  close(): readonly BlockedAttempt[]
}

export interface ControlGroups {
  open(): CommandGroup
}

/** What a group bounds. */
interface Bounds {
  readonly memoryBytes: number
  readonly processes: number
}

/** Control groups for commands, when this process may make some; a trial decides. */
export async function findControlGroups(
  bounds: Bounds = LIMITS,
  candidates: readonly GroupFolders[] = groupFolders(),
): Promise<ControlGroups | undefined> {
  for (const folders of candidates) {
    const groups = new Groups(folders, bounds)
    if (await groups.work()) return groups
  }
  return undefined
}

class Groups implements ControlGroups {
  constructor(
    private readonly folders: GroupFolders,
    private readonly bounds: Bounds,
  ) {}

  async work(): Promise<boolean> {
    try {
      this.sweep()
      const group = this.open()
      const entering = group.entrances.map((entrance) => `echo 0 > ${entrance}`).join(' && ')
      const entered = await run('sh', ['-c', entering]).then(
        () => true,
        () => false,
      )
      group.close()
      return entered
    } catch {
      return false
    }
  }

  open(): CommandGroup {
    const name = `ocg-${process.pid}-${randomBytes(6).toString('hex')}`
    const { bounds } = this
    const { version, memory, pids, cpu } = this.folders
    const [memoryGroup, pidsGroup] = [join(memory, name), join(pids, name)]
    const bounded = [...new Set([memoryGroup, pidsGroup])]
    for (const group of bounded) mkdirSync(group)
    const cpuGroup = cpu === undefined ? undefined : join(cpu, name)
    writeFileSync(join(memoryGroup, version === 1 ? 'memory.limit_in_bytes' : 'memory.max'), String(bounds.memoryBytes))
    writeFileSync(join(pidsGroup, 'pids.max'), String(bounds.processes))
    if (version === 2) giveIfKnown(join(memoryGroup, 'memory.oom.group'), '1')
    if (version === 2) giveIfKnown(join(memoryGroup, 'memory.swap.max'), '0')
    if (version === 2 && cpuGroup !== undefined) giveIfKnown(join(cpuGroup, CPU_SHARES[2][0]), CPU_SHARES[2][1])
    const late = version === 1 && cpuGroup !== undefined ? shareCpuLater(pidsGroup, cpuGroup) : undefined
    return {
      entrances: bounded.map((group) => join(group, 'cgroup.procs')),
      close() {
        clearTimeout(late)
        const blocked = blockedBy({ version, memoryGroup, pidsGroup, bounds })
        void removeGroups(new Set([...bounded, ...(cpuGroup === undefined ? [] : [cpuGroup])]))
        return blocked
      },
    }
  }

  /** Removes what builders left that were killed. */
  private sweep(): void {
    for (const folder of new Set(Object.values(this.folders).filter((value) => typeof value === 'string')))
      for (const name of readdirSync(folder)) {
        const [, pid] = NAME.exec(name) ?? []
        if (pid !== undefined && !existsSync(`/proc/${pid}`)) removed(join(folder, name))
      }
  }
}

/** Moves every process of the command; what they start follows. */
function shareCpuLater(pidsGroup: string, cpuGroup: string): NodeJS.Timeout {
  return setTimeout(() => {
    try {
      mkdirSync(cpuGroup)
      giveIfKnown(join(cpuGroup, CPU_SHARES[1][0]), CPU_SHARES[1][1])
      const members = readFileSync(join(pidsGroup, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)
      for (const member of members) giveIfKnown(join(cpuGroup, 'cgroup.procs'), member)
    } catch {
      // It has just ended, or this kernel shares the time by other rules: then by niceness alone.
    }
  }, CPU_AFTER_MS).unref()
}

/** Not every kernel has every file, and a process may just have ended. */
function giveIfKnown(file: string, value: string): void {
  try {
    writeFileSync(file, value)
  } catch {
    // Memory and processes stay bounded without it.
  }
}

function blockedBy(group: {
  readonly version: 1 | 2
  readonly memoryGroup: string
  readonly pidsGroup: string
  readonly bounds: Bounds
}): readonly BlockedAttempt[] {
  const killed = countIn(
    join(group.memoryGroup, group.version === 1 ? 'memory.oom_control' : 'memory.events'),
    'oom_kill',
  )
  const refused = countIn(join(group.pidsGroup, 'pids.events'), 'max')
  return [
    ...(killed > 0 ? [{ what: 'memory', target: `more than ${inGib(group.bounds.memoryBytes)}` } as const] : []),
    ...(refused > 0 ? [{ what: 'processes', target: `more than ${group.bounds.processes} at once` } as const] : []),
  ]
}

/** A line `name count` of a file of counters. */
function countIn(file: string, name: string): number {
  try {
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(readFileSync(file, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

async function removeGroups(groups: ReadonlySet<string>): Promise<void> {
  for (let tries = 0; tries < REMOVALS.tries; tries++) {
    if ([...groups].filter((group) => !removed(group)).length === 0) return
    await pause(REMOVALS.pauseMs, undefined, { ref: false })
  }
}

function removed(group: string): boolean {
  try {
    rmdirSync(group)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}
