import { formatPatch, structuredPatch } from 'diff'

/** Above this many changed lines a diff is neither quick to make nor read by anybody. */
const MAX_EDIT_LENGTH = 2_000

/** A change of one file for people: `+3 −2` and a unified diff. */
export interface FileChange {
  readonly counts: string
  readonly patch: string
}

/** Compares a file before and after; undefined when the change is too large to be shown. */
export function fileChange(file: {
  readonly path: string
  readonly before: string
  readonly after: string
}): FileChange | undefined {
  const { path, before, after } = file
  const patch = structuredPatch(`a/${path}`, `b/${path}`, before, after, undefined, undefined, {
    maxEditLength: MAX_EDIT_LENGTH,
  })
  if (!patch) return undefined
  const lines = patch.hunks.flatMap((hunk) => hunk.lines)
  const count = (sign: string) => lines.filter((line) => line.startsWith(sign)).length
  return { counts: `+${count('+')} −${count('-')}`, patch: formatPatch(patch) }
}
