import type { Part, Subtask } from '../../domain/subtasks.ts'
import { reasonOf } from '../../domain/subtasks.ts'
import { answerTo } from './understanding.ts'

/** Enough of a request to see what it was about. */
const EXCERPT = 1_000

/** What the Builder of one part is asked: the part, what others do meanwhile, and the whole as context. */
export function partPrompt(part: {
  readonly parts: readonly Part[]
  readonly index: number
  /** The whole request, and what its requester added. */
  readonly request: string
  readonly added: readonly string[]
}): string {
  const { parts, index, request, added } = part
  const others = parts.filter((_, place) => place !== index).map(({ title }) => `- ${title}`)
  return [
    parts[index]?.prompt ?? '',
    'This is one part of a larger request. Do this part alone, in as few files as it needs: other Builders do the other parts at the same time, and the work is merged.',
    `The other parts:\n${others.join('\n')}`,
    `The whole request, as context:\n${[request, ...added].join('\n\n')}`,
  ].join('\n\n')
}

/** Who has seen so many conflicts of one part finds the others by their markers; a request must hold them beside the work. */
const NAMED_CONFLICTS = 50
/** Longer than any sensible path. */
const CONFLICT_LENGTH = 500

/** Where the merge of one sub-task's work met what others did. */
export interface Conflict {
  readonly subtask: Subtask
  readonly commit: string
  /** Git's word on each file. */
  readonly files: readonly string[]
}

/** What the Builder of the whole is told of the merged work, and of what is left of it to do. */
export function mergedMessage(work: {
  readonly completed: readonly Subtask[]
  readonly failed: readonly Subtask[]
  readonly conflicts: readonly Conflict[]
}): string {
  const { completed, failed, conflicts } = work
  return [
    `The request was divided into parts, and the workspace holds the merged work of these:\n${completed.map(({ title }) => `- ${title}`).join('\n')}`,
    ...conflicts.map(
      ({ subtask, commit, files }) =>
        `The part "${subtask.title}" conflicts with those before it. Resolve every conflict so that each part keeps what it is for; its side of the conflict markers is ${commit}.\n${listed(files)}\nWhat it was to do:\n${excerpt(subtask)}`,
    ),
    ...failed.map(
      (subtask) =>
        `The part "${subtask.title}" was not done: ${reasonOf(subtask)}\nDo it now. What it was to do:\n${excerpt(subtask)}`,
    ),
  ].join('\n\n')
}

/** What the Builder of the whole reads of text that a sub-task took. */
export const toldMessage = (told: { readonly question: string | undefined; readonly text: string }): string =>
  told.question === undefined ? told.text : answerTo(told.question, told.text)

const excerpt = ({ prompt }: Subtask): string => prompt.slice(0, EXCERPT)

function listed(conflicts: readonly string[]): string {
  const named = conflicts.slice(0, NAMED_CONFLICTS).map((conflict) => conflict.slice(0, CONFLICT_LENGTH))
  const more = conflicts.length - named.length
  return [...named, ...(more > 0 ? [`… and ${more} more; search for <<<<<<< to find them.`] : [])].join('\n')
}
