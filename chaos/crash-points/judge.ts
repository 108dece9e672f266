import type { TaskView } from '../../domain/schemas/task.ts'
import type { LedgerEntry } from '../../simulators/gemini/ledger.ts'
import { groupBy } from '../grouped.ts'
import type { BranchUpdate, EndedTask } from '../observations.ts'
import { faultsIn } from '../oracles/sound-events.ts'

/** A task or one of its parts, as it was after its end. */
export interface Ended extends Pick<EndedTask, 'events'> {
  readonly task: TaskView
}

/** What its requester was told in a chat. */
export interface Told {
  /** Every message of the gateway, as it is shown after all. */
  readonly shown: readonly string[]
  /** How often its operator was told that nobody knows of a message. */
  readonly warnings: number
  /** Whether nobody can know of the end. */
  readonly isInDoubt: boolean
}

/** A life that was struck once, as it was after its end. */
export interface Struck extends Ended {
  /** How many tasks were made of the request. */
  readonly tasks: number
  readonly parts: readonly Ended[]
  readonly updates: readonly BranchUpdate[]
  /** Pages of its pull requests; none without a forge. */
  readonly pulls?: readonly string[]
  /** None without a chat. */
  readonly chat?: Told
  /** Its calls of the model. */
  readonly calls: readonly LedgerEntry[]
}

/** What one kill must not have cost. */
export function violationsOf(struck: Struck): readonly string[] {
  const { task, parts, calls } = struck
  const verdict = task.result?.verdict
  return [
    ...(task.state === 'completed' && verdict === 'passed'
      ? []
      : [`${task.state}/${verdict} ${task.error?.code ?? ''}`]),
    ...parts.flatMap(({ task: { id, state } }) => (state === 'completed' ? [] : [`part ${id} is ${state}`])),
    ...(struck.tasks === 1 ? [] : [`${struck.tasks} tasks were made of the request`]),
    ...deliveredAgain(struck),
    ...toldWrongly(struck),
    ...paidAgain(struck),
    ...calls
      .filter(({ status }) => status !== 200)
      .map(({ status, refusal }) => `the model refused: ${status} ${refusal}`),
    ...[struck, ...parts].flatMap(faultsIn),
  ]
}

function deliveredAgain({ task, updates, pulls }: Struck): readonly string[] {
  const pushed = updates.map(({ ref, commit }) => `${ref} ${commit}`)
  const expected = `refs/heads/openclaw/${task.id} ${task.result?.commit}`
  return [
    ...(pushed.join() === expected ? [] : [`pushed [${pushed.join(', ')}], expected [${expected}]`]),
    ...(pulls === undefined || pulls.join() === task.result?.pullRequest
      ? []
      : [`pull requests [${pulls.join(', ')}], expected [${task.result?.pullRequest}]`]),
  ]
}

/** The card and the question. */
const BEFORE_THE_END = 2

/** What nobody can know of is never sent again; instead the card and the operator are told. */
function toldWrongly({ task, chat }: Struck): readonly string[] {
  if (!chat) return []
  const { shown, warnings, isInDoubt } = chat
  const expected = isInDoubt ? 1 : 0
  const { unknown = 0 } = task.notifications ?? {}
  const ends = shown.filter((text) => text.includes(task.result?.summary ?? '')).length
  const others = shown.length - ends
  const isSaid = shown.some((text) => text.includes(doubtAbout(task)))
  return [
    ...(ends > 1 || ends + expected < 1 ? [`the end was shown ${ends} times`] : []),
    ...(others === BEFORE_THE_END ? [] : [`${others} other messages were shown`]),
    ...(unknown === expected ? [] : [`${unknown} messages are unknown, expected ${expected}`]),
    ...(warnings === expected ? [] : [`the operator was warned ${warnings} times, expected ${expected}`]),
    ...(isSaid === isInDoubt ? [] : [`that the end is in doubt is said: ${isSaid}`]),
  ]
}

/** What the card says of a message nobody knows of. */
export const doubtAbout = ({ id }: TaskView): string => `I cannot tell whether my last message about ${id} reached you`

/** A call that was under way at the kill may be asked again: of each part one. */
function paidAgain({ calls, parts }: Struck): readonly string[] {
  const paid = groupBy(calls, ({ taskMatch, path, turn }) => `${taskMatch} ${path} ${turn}`)
  const repeated = [...paid].flatMap(([turn, { length }]) => (length > 1 ? [`${turn} ×${length}`] : []))
  const allowed = Math.max(1, parts.length)
  const isTooMuch = repeated.length > allowed || calls.length - paid.size > allowed
  return isTooMuch ? [`paid again: ${repeated.join(', ')}`] : []
}
