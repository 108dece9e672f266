import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { GatewayError } from '../../domain/errors.ts'
import type { Egress, EgressDoor } from '../../domain/ports/egress.ts'
import type { GitHost, Snapshots } from '../../domain/ports/git.ts'
import type { Sandbox } from '../../domain/ports/sandbox.ts'
import type { Fence, Store, TaskWork } from '../../domain/ports/store.ts'
import { subtaskLines } from '../../domain/subtasks.ts'
import { removeDirectory } from './remove-directory.ts'
import { SharedWork } from './shared-work.ts'

/** What a task's commands run in, and how its files are snapshotted through it. */
export interface Boundary {
  readonly sandbox: Sandbox
  readonly snapshots: Snapshots
}

/** What a task's work stands on, before any file of it is written. */
export interface Ground extends Boundary {
  /** The host's bare repository. */
  readonly bare: string
  readonly base: string
  /** The task's way to allowed hosts, when its requester asked for one. */
  readonly door?: EgressDoor
}

/** Where a task's files are on this builder while it holds the seat. */
export interface Workspace extends Ground {
  /** What the model sees and may write. */
  readonly directory: string
  /** The snapshots' own git directory beside it. */
  readonly history: string
  /** Tree of the last stored checkpoint, else of the base: what is known not to be new. */
  knownTree: string | undefined
  readonly restored: boolean
  readonly contextFiles: readonly { readonly path: string; readonly text: string }[]
  readonly files: readonly string[]
}

const CONTEXT_FILES = ['GEMINI.md', 'AGENTS.md']
const CONTEXT_FILE_BYTES = 8 * 1024
const LISTED_FILES = 200

export interface WorkspacesOptions {
  /** Folder of this builder; everything below it is the builder's own. */
  readonly directory: string
  readonly store: Store
  readonly git: GitHost
  /** The boundary for tasks on a repository (its URL), or on none. */
  readonly boundaryFor: (repositoryUrl: string | undefined) => Boundary
  readonly egress: Egress
}

/** Clones, restores and discards workspaces; each seat has at most one. */
export class Workspaces {
  private readonly works = new Map<string, SharedWork<TaskWork>>()
  private readonly grounds = new Map<string, SharedWork<Ground>>()
  private readonly open = new Map<string, SharedWork<Workspace>>()
  private readonly removals = new Set<Promise<void>>()

  constructor(private readonly options: WorkspacesOptions) {}

  /** What the seat was given for: nothing that a Builder goes by changes while it holds the seat. */
  work(fence: Fence): Promise<TaskWork> {
    return once(this.works, keyOf(fence), () => this.options.store.tasks.work(fence.taskId)).wait(undefined)
  }

  /** Whether the task has no file yet: no turn or merge before this seat left any, and none was asked for here. */
  async isUntouched(fence: Fence): Promise<boolean> {
    const { task } = await this.work(fence)
    const isFresh = task.progress.turn === 0 && subtaskLines(task.progress.plan).length === 0
    return task.repository === null && isFresh && !this.open.has(keyOf(fence))
  }

  /** The commit the seat's work stands on; enough for a task that touches no file. */
  ground(fence: Fence, signal?: AbortSignal): Promise<Ground> {
    return once(this.grounds, keyOf(fence), (abandoned) => this.findGround(fence, abandoned)).wait(signal)
  }

  /** The seat's workspace: cloned, or restored from the last checkpoint, the first time it is asked for. */
  of(fence: Fence, signal?: AbortSignal): Promise<Workspace> {
    return once(this.open, keyOf(fence), (abandoned) => this.make(fence, abandoned)).wait(signal)
  }

  /** Removes the seat's files, in its own time: what matters of them is in the store. */
  discard(fence: Fence): void {
    const key = keyOf(fence)
    const made = [
      this.open.get(key)?.done ?? [],
      this.grounds.get(key)?.done.then(({ door }) => door?.close()) ?? [],
    ].flat()
    this.works.delete(key)
    this.open.delete(key)
    this.grounds.delete(key)
    const removed = this.remove(key, made).finally(() => this.removals.delete(removed))
    this.removals.add(removed)
  }

  private async remove(key: string, made: readonly Promise<unknown>[]): Promise<void> {
    await Promise.allSettled(made)
    // A file that cannot be removed now goes with the builder's whole folder.
    await removeDirectory(join(this.options.directory, key)).catch(() => undefined)
  }

  /** Removes everything of this builder. */
  async discardAll(): Promise<void> {
    await Promise.all(this.removals)
    await removeDirectory(this.options.directory)
  }

  /** An empty folder beside the workspace, for a clean checkout; the seat's end removes it. */
  async scratch(fence: Fence, name: string): Promise<string> {
    const place = join(this.options.directory, keyOf(fence))
    await mkdir(place, { recursive: true, mode: 0o700 })
    const directory = join(place, name)
    await removeDirectory(directory)
    return directory
  }

  private async findGround(fence: Fence, signal: AbortSignal): Promise<Ground> {
    const { store, git, boundaryFor, egress } = this.options
    const { task, baseCommit = await this.baseOfWhole(fence) } = await this.work(fence)
    const { bare, base: opened } = await git.open({
      ...(task.repository && { repository: task.repository }),
      tenant: task.tenant,
      ...(baseCommit !== undefined && { base: baseCommit }),
      signal,
    })
    const base = await store.artifacts.fixBase({ ...fence, baseCommit: opened })
    if (base !== opened) throw new GatewayError('seat_lost', 'Another seat fixed the base commit at the same time.')
    const boundary = boundaryFor(task.repository?.url)
    if (task.constraints.network !== 'allowlist' || boundary.sandbox.kind !== 'bubblewrap')
      return { ...boundary, bare, base }
    const directory = join(this.options.directory, keyOf(fence), 'egress')
    return { ...boundary, bare, base, door: await egress.open({ taskId: task.id, directory }) }
  }

  /** What a sub-task stands on with all others. */
  private async baseOfWhole(fence: Fence): Promise<string | undefined> {
    const { task } = await this.work(fence)
    return task.parentId === undefined ? undefined : this.options.store.artifacts.base(task.id)
  }

  private async make(fence: Fence, signal: AbortSignal): Promise<Workspace> {
    const { store, git } = this.options
    const directory = join(this.options.directory, keyOf(fence))
    const ground = await this.ground(fence, signal)
    const latestCheckpoint = await store.artifacts.checkpoint(fence.taskId)
    const { bare, base } = ground
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const workspace = join(directory, 'workspace')
    if (latestCheckpoint)
      await git.importBundle({ bare, bundle: latestCheckpoint.bundle, commit: latestCheckpoint.commit })
    const [, files, contextFiles] = await Promise.all([
      git.checkout({ bare, commit: latestCheckpoint?.commit ?? base, directory: workspace, signal }),
      git.listFiles({ bare, commit: base, limit: LISTED_FILES }),
      this.readContext(bare, base),
    ])
    return {
      ...ground,
      directory: workspace,
      history: join(directory, 'history'),
      knownTree: latestCheckpoint?.tree,
      restored: latestCheckpoint !== undefined,
      contextFiles,
      files,
    }
  }

  private async readContext(bare: string, commit: string) {
    const files = await this.options.git.readFiles({ bare, commit, paths: CONTEXT_FILES, maxBytes: CONTEXT_FILE_BYTES })
    return files.map(({ path, content }) => ({ path, text: Buffer.from(content).toString('utf8') }))
  }
}

const keyOf = ({ taskId, seat }: Fence): string => `${taskId}-${seat}`

/** The work of a key, begun the first time it is asked for; what failed or was abandoned is begun anew the next time. */
function once<T>(
  works: Map<string, SharedWork<T>>,
  key: string,
  make: (signal: AbortSignal) => Promise<T>,
): SharedWork<T> {
  const known = works.get(key)
  if (known && !known.isAbandoned) return known
  const work = new SharedWork<T>(async (signal) => {
    await known?.done.catch(() => undefined)
    signal.throwIfAborted()
    return make(signal)
  })
  works.set(key, work)
  work.done.catch(() => works.get(key) === work && works.delete(key))
  return work
}
