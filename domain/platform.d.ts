/** The one platform type ports speak of; every runtime that adapters run on has it. */
interface AbortSignal {
  readonly aborted: boolean
  readonly reason: unknown
}
