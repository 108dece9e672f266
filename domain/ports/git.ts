import type { DiffStat, RepositoryReference } from '../task.ts'

/** A state of the workspace that can be carried to another host. */
export interface Snapshot {
  /** Commit with `base` as its only parent; the same tree, base, message and time give the same id everywhere. */
  readonly commit: string
  readonly tree: string
  /** Git bundle `base..commit`; undefined when the tree is that of `knownTree`. */
  readonly bundle?: Uint8Array
}

/** What a commit made by the gateway says. */
export interface CommitText {
  readonly message: string
  /** Author and committer time, seconds since 1970; from workflow time, so that a repetition has the same hash. */
  readonly at: number
}

/**
 * The host's side of git. It runs git only inside bare repositories of its own, never where the model can write.
 * `bare` is the path of such a repository, as `open` gave it.
 */
export interface GitHost {
  /**
   * Fetches a repository into the cached mirror and resolves its ref (default branch when absent). Without a
   * repository: an own repository whose base is an empty commit. Throws `repository_not_found`,
   * `repository_unreachable` (retryable) or `repository_not_allowed`.
   */
  open(request: {
    readonly repository?: RepositoryReference
    readonly tenant: string
    /** Commit to build on, when it was fixed before; it is fetched when the mirror lacks it. */
    readonly base?: string
    readonly signal?: AbortSignal
  }): Promise<{ readonly bare: string; readonly base: string }>
  /**
   * A fresh clone of a commit for the model or the verifier: own objects, no remote, on branch `work`. What was in the
   * directory before is removed.
   */
  checkout(request: {
    readonly bare: string
    readonly commit: string
    readonly directory: string
    readonly signal?: AbortSignal
  }): Promise<void>
  /**
   * Takes the commit of a bundle into the bare repository after checking every object. Throws `workspace_refused`, and
   * then nothing of the bundle stays.
   */
  importBundle(request: { readonly bare: string; readonly bundle: Uint8Array; readonly commit: string }): Promise<void>
  /**
   * The commit to deliver: the tree of `snapshot` with protected paths put back as in `base` (files added below them
   * removed). `defaults` are patterns whose existing files are put back but below which new files may stand. `helpers`
   * are protected paths as soon as the base holds anything that is protected.
   */
  compose(request: {
    readonly bare: string
    readonly base: string
    readonly snapshot: string
    readonly protectedPaths: readonly string[]
    readonly defaults: readonly string[]
    readonly helpers?: readonly string[]
    readonly text: CommitText
  }): Promise<{ readonly commit: string; readonly tree: string }>
  /**
   * Merges two commits that were made on `base`, without a working tree; the same commits give the same one
   * everywhere. What conflicts stands in the tree as git leaves it, with conflict markers: `conflicts` is git's word on
   * each file of them.
   */
  merge(request: {
    readonly bare: string
    readonly base: string
    readonly ours: string
    readonly theirs: string
    readonly text: CommitText
    readonly signal?: AbortSignal
  }): Promise<{ readonly commit: string; readonly tree: string; readonly conflicts: readonly string[] }>
  /** `base..commit` in the form that `importBundle` takes. Throws `workspace_too_large`. */
  bundle(request: { readonly bare: string; readonly base: string; readonly commit: string }): Promise<Uint8Array>
  /** The change from base to commit, fit for `git apply`, binary files included. */
  patch(request: { readonly bare: string; readonly base: string; readonly commit: string }): Promise<Uint8Array>
  /** The size of that change. */
  diffStat(request: { readonly bare: string; readonly base: string; readonly commit: string }): Promise<DiffStat>
  /** Those of the files that the commit has as regular files, in the order asked for, each at most `maxBytes` of it. */
  readFiles(request: {
    readonly bare: string
    readonly commit: string
    readonly paths: readonly string[]
    readonly maxBytes: number
  }): Promise<readonly { readonly path: string; readonly content: Uint8Array }[]>
  /** Paths of a commit, sorted, at most `limit`. */
  listFiles(request: {
    readonly bare: string
    readonly commit: string
    readonly limit: number
  }): Promise<readonly string[]>
  /** As {@link listFiles}, only files that one of the patterns protects. */
  listProtected(request: {
    readonly bare: string
    readonly commit: string
    readonly patterns: readonly string[]
  }): Promise<readonly string[]>
  /**
   * Makes the remote branch stand at the commit, with a lease on its former value: a repetition is no second update,
   * a branch somebody else moved is refused (`conflict`).
   */
  push(request: {
    readonly bare: string
    readonly repository: RepositoryReference
    readonly tenant: string
    readonly commit: string
    readonly branch: string
    readonly signal?: AbortSignal
  }): Promise<void>
}

/** Takes and restores snapshots of a workspace the model can write, inside the sandbox. */
export interface Snapshots {
  /**
   * The workspace's files as a commit. Ignored files stay out; the workspace's own `.git` is never read. A repository
   * further inside is recorded as the files it holds; submodules of the base stay at their commits. Throws
   * `workspace_refused` and `workspace_too_large`.
   * `history` is a directory of the host beside the workspace that only this port writes to.
   */
  take(request: {
    readonly workspace: string
    readonly history: string
    readonly bare: string
    readonly base: string
    readonly knownTree?: string
    readonly text: CommitText
    readonly signal?: AbortSignal
  }): Promise<Snapshot>
}
