import type { TaskView } from '../../domain/schemas/task.ts'
import type { LedgerEntry } from '../../simulators/gemini/ledger.ts'
import { groupBy } from '../grouped.ts'
import type { BranchUpdate, EndedTask } from '../observations.ts'
import { faultsIn } from '../oracles/sound-events.ts'

/** A life that was struck once, as it was after its end. */
export interface Struck {
  readonly task: TaskView
  readonly ended: EndedTask
  readonly updates: readonly BranchUpdate[]
  /** Its calls of the model. */
  readonly calls: readonly LedgerEntry[]
}

/** What one kill must not have cost. */
export function violationsOf({ task, ended, updates, calls }: Struck): readonly string[] {
  const verdict = task.result?.verdict
  const pushed = updates.map(({ ref, commit }) => `${ref} ${commit}`)
  const expected = `refs/heads/openclaw/${task.id} ${task.result?.commit}`
  const paid = groupBy(calls, ({ path, turn }) => `${path} ${turn}`)
  const repeated = [...paid].flatMap(([turn, { length }]) => (length > 1 ? [`${turn} ×${length}`] : []))
  return [
    ...(task.state === 'completed' && verdict === 'passed'
      ? []
      : [`${task.state}/${verdict} ${task.error?.code ?? ''}`]),
    ...(pushed.join() === expected ? [] : [`pushed [${pushed.join(', ')}], expected [${expected}]`]),
    // The one call that was under way at the kill may be asked again.
    ...(repeated.length > 1 || calls.length - paid.size > 1 ? [`paid again: ${repeated.join(', ')}`] : []),
    ...calls
      .filter(({ status }) => status !== 200)
      .map(({ status, refusal }) => `the model refused: ${status} ${refusal}`),
    ...faultsIn(ended),
  ]
}
