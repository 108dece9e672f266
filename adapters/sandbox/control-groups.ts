import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { BlockedAttempt } from '../../domain/ports/sandbox.ts'
import { groupFolders, type GroupFolders } from './control-group-folders.ts'
import { inGib, LIMITS } from './limits.ts'

const run = promisify(execFile)
/** `ocg-<pid of the gateway's process>-<any>`: who is gone is known by its pid. */
const NAME = /^ocg-(\d+)-/
/** How often the processors a group may use are counted anew: the kernel's own default. */
const CPU_PERIOD_US = 100_000
/** Half of what everything else has: the gateway, its database and its heartbeats come first. Idle time is free. */
const CPU_SHARES = { 1: ['cpu.shares', '512'], 2: ['cpu.weight', '50'] } as const
/**
 * Moving a process stops every fork of the machine for 10 ms, as long as a command takes to start. So only those are
 * moved that live this long: what they take before is bounded by what memory can be filled in that time.
 */
const JOIN_AFTER_MS = 200
/**
 * Children of what was moved are inside from birth, so two looks do for any build. What hops from process to process
 * faster than anybody looks stays outside, with the limits of a single process and the number of processes.
 */
const LOOKS = 5
/** Killed processes leave their group in their own time. */
const REMOVALS = { tries: 20, pauseMs: 50 } as const

/** The control groups of one command. */
export interface CommandGroup {
  /** Says what the groups stopped and removes them, once the command has ended. */
  close(): readonly BlockedAttempt[]
}

export interface ControlGroups {
  /** Bounds a command, given by the process that bubblewrap was started as, when it lives long enough. */
  bound(pid: number): CommandGroup
}

/** What a group bounds. */
interface Bounds {
  readonly memoryBytes: number
  readonly processes: number
  /** So many at a time; may be a fraction. */
  readonly processors: number
}

/** Control groups for commands, when this process may make some; a trial decides. */
export async function findControlGroups(
  bounds: Bounds = LIMITS,
  candidates: readonly GroupFolders[] = groupFolders(),
): Promise<ControlGroups | undefined> {
  for (const folders of candidates)
    if (await works(folders, bounds)) return { bound: (pid) => new Group({ folders, bounds, pid }) }
  return undefined
}

async function works(folders: GroupFolders, bounds: Bounds): Promise<boolean> {
  // Without it nobody could say which processes are a command's.
  if (!existsSync(childrenOf(process.pid))) return false
  try {
    for (const folder of new Set([folders.memory, folders.pids])) sweep(folder)
    const places = make(folders, bounds)
    const entering = places.map((place) => `echo 0 > ${join(place, 'cgroup.procs')}`).join(' && ')
    await run('sh', ['-c', entering]).finally(() => void removeAll(places))
    return true
  } catch {
    return false
  }
}

class Group implements CommandGroup {
  private readonly timer: NodeJS.Timeout
  private places: readonly string[] = []
  private joining: Promise<void> | undefined
  private closed = false

  constructor(
    private readonly command: { readonly folders: GroupFolders; readonly bounds: Bounds; readonly pid: number },
  ) {
    this.timer = setTimeout(() => void (this.joining = this.join()), JOIN_AFTER_MS).unref()
  }

  close(): readonly BlockedAttempt[] {
    clearTimeout(this.timer)
    this.closed = true
    const { places } = this
    if (places.length === 0) return []
    void this.joining?.then(() => removeAll(places))
    return blockedIn(places, this.command.bounds)
  }

  /** Moves every process of the command; what they start follows. */
  private async join(): Promise<void> {
    const { folders, bounds, pid } = this.command
    try {
      const space = await spaceBelow(pid)
      if (this.closed) return
      this.places = make(folders, bounds)
      for (let look = 0; look < LOOKS; look++) {
        const [inside, all] = [await membersOf(this.places), [pid, ...(await processesIn(space))]]
        const outside = all.filter((member) => !inside.has(member))
        if (outside.length === 0) return
        for (const member of outside)
          for (const place of this.places)
            await writeFile(join(place, 'cgroup.procs'), String(member)).catch(() => undefined)
      }
    } catch {
      // It ended while it was looked at.
    }
  }
}

/** Makes the groups, bounds set; the paths of their folders. */
function make({ version, memory, pids, cpu }: GroupFolders, bounds: Bounds): readonly string[] {
  const name = `ocg-${process.pid}-${randomBytes(6).toString('hex')}`
  const places = [...new Set([memory, pids, ...(cpu === undefined ? [] : [cpu])])].map((folder) => join(folder, name))
  for (const place of places) mkdirSync(place)
  writeFileSync(join(memory, name, version === 1 ? 'memory.limit_in_bytes' : 'memory.max'), String(bounds.memoryBytes))
  writeFileSync(join(pids, name, 'pids.max'), String(bounds.processes))
  if (cpu !== undefined) boundProcessors({ version, folder: join(cpu, name), processors: bounds.processors })
  if (version === 2) giveIfKnown(join(memory, name, 'memory.swap.max'), '0')
  return places
}

function boundProcessors(group: {
  readonly version: GroupFolders['version']
  readonly folder: string
  readonly processors: number
}): void {
  const { version, folder, processors } = group
  const [file, share] = CPU_SHARES[version]
  giveIfKnown(join(folder, file), share)
  const quota = String(Math.round(processors * CPU_PERIOD_US))
  if (version === 2) return giveIfKnown(join(folder, 'cpu.max'), `${quota} ${CPU_PERIOD_US}`)
  giveIfKnown(join(folder, 'cpu.cfs_period_us'), String(CPU_PERIOD_US))
  giveIfKnown(join(folder, 'cpu.cfs_quota_us'), quota)
}

/** Not every kernel has every file; memory and processes stay bounded without it. */
function giveIfKnown(file: string, value: string): void {
  if (existsSync(file)) writeFileSync(file, value)
}

/** The namespace of the processes a bubblewrap made; on a busy machine it may still be about to make them. */
async function spaceBelow(pid: number): Promise<string> {
  for (;;) {
    const [child] = (await readFile(childrenOf(pid), 'utf8')).split(' ').filter(Boolean)
    if (child !== undefined) return readlink(`/proc/${child}/ns/pid`)
    await pause(REMOVALS.pauseMs)
  }
}

const childrenOf = (pid: number): string => `/proc/${pid}/task/${pid}/children`

async function processesIn(space: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const spaces = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/ns/pid`).catch(() => '')))
  return pids.filter((_, index) => spaces[index] === space).map(Number)
}

/** Processes that are in every one of the groups. */
async function membersOf(places: readonly string[]): Promise<ReadonlySet<number>> {
  const lists = await Promise.all(places.map((place) => readFile(join(place, 'cgroup.procs'), 'utf8')))
  const [first = new Set<number>(), ...others] = lists.map(
    (list) => new Set(list.split('\n').filter(Boolean).map(Number)),
  )
  return new Set([...first].filter((pid) => others.every((other) => other.has(pid))))
}

function blockedIn(places: readonly string[], bounds: Bounds): readonly BlockedAttempt[] {
  const counted = (files: readonly string[], name: string) =>
    places.some((place) => files.some((file) => countIn(join(place, file), name) > 0))
  return [
    ...(counted(['memory.oom_control', 'memory.events'], 'oom_kill')
      ? [{ what: 'memory', target: `more than ${inGib(bounds.memoryBytes)}` } as const]
      : []),
    ...(counted(['pids.events'], 'max')
      ? [{ what: 'processes', target: `more than ${bounds.processes} at once` } as const]
      : []),
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

/** Removes what builders left that were killed. */
function sweep(folder: string): void {
  for (const name of readdirSync(folder)) {
    const [, pid] = NAME.exec(name) ?? []
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removed(join(folder, name))
  }
}

async function removeAll(places: readonly string[]): Promise<void> {
  for (let tries = 0; tries < REMOVALS.tries; tries++) {
    if (places.filter((place) => !removed(place)).length === 0) return
    await pause(REMOVALS.pauseMs, undefined, { ref: false })
  }
}

function removed(place: string): boolean {
  try {
    rmdirSync(place)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}
