import type { RepositoryReference } from '../task.ts'

/** A request to take a branch into another one, open or not any more. */
export interface PullRequest {
  /** Its page for people. */
  readonly url: string
  readonly number: number
}

/** What a pull request says: Markdown that is safe to show. */
export interface PullRequestText {
  readonly title: string
  readonly body: string
}

/** The service around a remote repository where people look at changes: GitHub, Gitea or Forgejo. */
export interface Forge {
  /** Whether the operator configured one for this repository; without, a branch is all that is delivered. */
  serves(repository: { readonly url: string; readonly tenant: string }): boolean
  /**
   * The pull request of a branch that was pushed, to the ref of the repository (its default branch without one). One
   * that is there already, open, closed or merged, is given as it is, so that a repetition opens no second one. Throws
   * `forge_refused`, and `forge_unreachable` (retryable; with `retryAfterMs` when the forge named a time).
   */
  pullRequestFor(request: {
    readonly repository: RepositoryReference
    readonly tenant: string
    readonly branch: string
    readonly text: PullRequestText
    readonly signal?: AbortSignal
  }): Promise<PullRequest>
}
