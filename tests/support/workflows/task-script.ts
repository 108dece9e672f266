import type { TaskBrief } from '../../../domain/contracts.ts'
import type { Decision } from '../../../domain/policy.ts'
import type { Verdict } from '../../../domain/task.ts'
import type { FakeTask } from './fake-task.ts'

/** A tool call the scripted model makes: by name, or with what the policy says of it. */
export type ScriptedCall = string | { readonly name: string; readonly decision?: Decision; readonly kind?: 'human' }

/** What the scripted model makes of the request. */
export type Understood = 'understood' | 'budget-reached' | { readonly asks: string } | { readonly answers: string }

/** One try of one activity, as the script and the tests name it: `understand 1`, `turn 2`, `tool 2.0`, `deliver` … */
export interface Step {
  readonly name: string
  /** Temporal's count of tries of this activity. */
  readonly attempt: number
  /** The holder of the seat; 0 and empty for steps of the gateway. */
  readonly seat: number
  readonly builder: string
}

/** What happens to one task. Everything is optional: a task without a script takes one turn and passes. */
export interface TaskScript {
  readonly brief?: Partial<TaskBrief>
  /** Round by round; the last one holds for all later rounds. */
  readonly understanding?: readonly Understood[]
  /** The task is built in these parts. */
  readonly parts?: readonly TaskScript[]
  /** What the parts did cannot be merged without the Builder of the whole. */
  readonly conflicts?: boolean
  /** Calls of each turn; with the last turn, and every one after it, the model considers the work done. */
  readonly turns?: readonly (readonly ScriptedCall[])[]
  /** Turns before which the budget is reached, each until it is raised once. */
  readonly budgetReachedAt?: readonly number[]
  /** Verification by verification; `passed` afterwards. */
  readonly verdicts?: readonly Verdict[]
  /** Whether other tasks wait for a seat. */
  readonly othersQueue?: boolean
  /** Whether pull requests can be opened for its repository. */
  readonly forge?: boolean
  /** Steps that wait until the test lets them go. */
  readonly hold?: readonly string[]
  /** Looks on at every try of every step, and may throw, wait, or do something to the task. */
  readonly during?: (step: Step, task: FakeTask) => unknown
  /** Looks on after a step was accepted; what it throws loses the answer, not the step. */
  readonly after?: (step: Step, task: FakeTask) => unknown
  /** As `during` and `after`, for the Manager's database steps by the name of their activity. */
  readonly database?: (moment: 'before' | 'after', step: string, task: FakeTask) => unknown
}

/** Does something during tries of one step; `count` tries at most. */
export function during(name: string, act: (step: Step, task: FakeTask) => unknown, count = Infinity) {
  let left = count
  return (step: Step, task: FakeTask): unknown => (step.name === name && left-- > 0 ? act(step, task) : undefined)
}
