import type { TaskView } from '../../domain/schemas/task.ts'
import type { LedgerEntry } from '../../simulators/gemini/ledger.ts'
import { groupBy } from '../grouped.ts'
import type { BranchUpdate, EndedTask } from '../observations.ts'
import { faultsIn } from '../oracles/sound-events.ts'

/** A task or one of its parts, as it was after its end. */
export interface Ended extends Pick<EndedTask, 'events'> {
  readonly task: TaskView
}

/** A life that was struck once, as it was after its end. */
export interface Struck extends Ended {
  readonly parts: readonly Ended[]
  readonly updates: readonly BranchUpdate[]
  /** Pages of its pull requests; none without a forge. */
  readonly pulls?: readonly string[]
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
    ...deliveredAgain(struck),
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

/** A call that was under way at the kill may be asked again: of each part one. */
function paidAgain({ calls, parts }: Struck): readonly string[] {
  const paid = groupBy(calls, ({ taskMatch, path, turn }) => `${taskMatch} ${path} ${turn}`)
  const repeated = [...paid].flatMap(([turn, { length }]) => (length > 1 ? [`${turn} ×${length}`] : []))
  const allowed = Math.max(1, parts.length)
  const isTooMuch = repeated.length > allowed || calls.length - paid.size > allowed
  return isTooMuch ? [`paid again: ${repeated.join(', ')}`] : []
}
