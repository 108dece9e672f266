import { statfs } from 'node:fs/promises'
import { inGib, LIMITS } from './limits.ts'

const MIB = 1024 * 1024
/** Asking a file system for its free space takes microseconds; a fast disk takes in half a GiB in this time. */
const INTERVAL_MS = 250
/** A workspace is first counted after the free space shrank by this part of the limit: most never are. */
const SUSPICIOUS = 1 / 32
/** While others fill the same disk, counting takes at most one fifth of a processor. */
const REST_PER_COUNT = 4
/** The host's last space: a command that goes on growing here would take services down with it. */
const RESERVE_BYTES = 512 * MIB
/** The part of the limit a full workspace may still grow by in one command, so that it can be cleared up. */
const SLACK = 1 / 128
/** Workspaces whose size is remembered; forgetting one costs a count. */
const REMEMBERED = 1_000

/** What lies in a folder. */
export interface Usage {
  readonly bytes: number
  readonly files: number
}

/** A look at one command's disk use. */
export interface DiskWatch {
  /** Aborted when the command must end. */
  readonly stop: AbortSignal
  /** Why it must. */
  readonly reason: string | undefined
  end(): void
}

interface Mark {
  /** Free space when the workspace was last counted, or more when others made room since. */
  free: Usage
  /** What was counted; undefined before the first time. */
  usage: Usage | undefined
}

/**
 * Watches that a workspace stays within its size. A quota would be exact but needs a file system made for it; this sees
 * the file system's free space shrink and only then has the files counted. It therefore notices a command late by what
 * is written in a quarter of a second and the time of a count. Files that were deleted while still open are in no count:
 * only the reserve bounds them.
 */
export function createDiskWatches(options: {
  /** Counts a workspace from inside the sandbox: the host does not walk where commands can move things. */
  readonly count: (workspace: string) => Promise<Usage | undefined>
  readonly free?: (workspace: string) => Promise<Usage>
  readonly limit?: Usage
  readonly intervalMs?: number
}): (workspace: string) => DiskWatch {
  const marks = new Map<string, Mark>()
  const settings = {
    free: freeSpace,
    limit: { bytes: LIMITS.workspaceBytes, files: LIMITS.workspaceFiles },
    intervalMs: INTERVAL_MS,
    ...options,
  }
  return (workspace) => new Watch({ ...settings, workspace, marks })
}

async function freeSpace(workspace: string): Promise<Usage> {
  const { bavail, bsize, ffree } = await statfs(workspace)
  return { bytes: bavail * bsize, files: ffree }
}

const bothOf = (usage: Usage, change: (value: number, what: keyof Usage) => number): Usage => ({
  bytes: change(usage.bytes, 'bytes'),
  files: change(usage.files, 'files'),
})

class Watch implements DiskWatch {
  private readonly stopping = new AbortController()
  private readonly timer: NodeJS.Timeout
  private readonly begun: Promise<Usage>
  private refusal: string | undefined
  private busy = false
  private notBefore = 0
  private allowed: Usage | undefined

  constructor(
    private readonly settings: {
      readonly workspace: string
      readonly marks: Map<string, Mark>
      readonly count: (workspace: string) => Promise<Usage | undefined>
      readonly free: (workspace: string) => Promise<Usage>
      readonly limit: Usage
      readonly intervalMs: number
    },
  ) {
    this.begun = settings.free(settings.workspace)
    this.begun.catch(() => undefined)
    this.timer = setInterval(() => void this.look(), settings.intervalMs).unref()
  }

  get stop(): AbortSignal {
    return this.stopping.signal
  }

  get reason(): string | undefined {
    return this.refusal
  }

  end(): void {
    clearInterval(this.timer)
  }

  private async look(): Promise<void> {
    if (this.busy || this.refusal !== undefined) return
    this.busy = true
    try {
      await this.judge()
    } catch {
      // The workspace is being taken away: the command ends with its seat.
    } finally {
      this.busy = false
    }
  }

  private async judge(): Promise<void> {
    const { workspace, free: freeOf } = this.settings
    const [begun, free] = [await this.begun, await freeOf(workspace)]
    const mark = this.mark(begun)
    mark.free = { bytes: Math.max(mark.free.bytes, free.bytes), files: Math.max(mark.free.files, free.files) }
    const { limit } = this.settings
    if (free.bytes < RESERVE_BYTES && begun.bytes - free.bytes > limit.bytes * SLACK)
      return this.refuse(`the disk of this machine has only ${inGib(free.bytes)} left`)
    const shrunk = { bytes: mark.free.bytes - free.bytes, files: mark.free.files - free.files }
    const { usage } = mark
    this.allowed ??= bothOf(limit, (bound, what) => Math.max(bound, (usage?.[what] ?? 0) + bound * SLACK))
    const room = bothOf(limit, (bound, what) =>
      usage ? (this.allowed?.[what] ?? 0) - usage[what] : bound * SUSPICIOUS,
    )
    const isSuspicious = shrunk.bytes > room.bytes || shrunk.files > room.files
    if (!isSuspicious || performance.now() < this.notBefore) return
    await this.count({ mark, shrunk, allowed: this.allowed })
    mark.free = free
  }

  private async count(suspicion: {
    readonly mark: Mark
    readonly shrunk: Usage
    readonly allowed: Usage
  }): Promise<void> {
    const { mark, shrunk, allowed } = suspicion
    const { workspace, limit } = this.settings
    const started = performance.now()
    const counted = await this.settings.count(workspace)
    // What hides from the count is taken to be all that is gone from the disk.
    const usage = counted ?? bothOf(shrunk, (gone, what) => gone + (mark.usage?.[what] ?? 0))
    const grown = usage.bytes - (mark.usage?.bytes ?? 0)
    if (grown < shrunk.bytes / 2) this.notBefore = performance.now() + (performance.now() - started) * REST_PER_COUNT
    mark.usage = usage
    if (usage.bytes > allowed.bytes)
      this.refuse(`the workspace holds ${inGib(usage.bytes)}; it may hold ${inGib(limit.bytes)}`)
    else if (usage.files > allowed.files)
      this.refuse(`the workspace holds ${usage.files} files; it may hold ${limit.files}`)
  }

  private refuse(reason: string): void {
    this.refusal = reason
    this.stopping.abort()
  }

  private mark(begun: Usage): Mark {
    const { marks, workspace } = this.settings
    const known = marks.get(workspace)
    if (known) return known
    const [oldest] = marks.keys()
    if (marks.size >= REMEMBERED && oldest !== undefined) marks.delete(oldest)
    const mark: Mark = { free: begun, usage: undefined }
    marks.set(workspace, mark)
    return mark
  }
}
