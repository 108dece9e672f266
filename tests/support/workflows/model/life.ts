import type { TaskScript } from '../task-script.ts'

/** What people and the outside send to a Manager. */
export type Message =
  | { readonly type: 'cancel' | 'pause' | 'resume' | 'drain' }
  | { readonly type: 'say'; readonly text: string }
  | { readonly type: 'approve' | 'reject'; readonly approvalId: string }
  | { readonly type: 'reprioritise'; readonly priority: number }
  | { readonly type: 'raiseBudget'; readonly budgetUsd: number }

/** Messages sent at once when a step begins. */
export interface Saying {
  /** The step's name; of a part `part 1: turn 2`. */
  readonly at: string
  readonly messages: readonly Message[]
  /** The step goes on only after they were acknowledged. */
  readonly awaited: boolean
}

/** What goes wrong at a builder's step or at the understanding, in as many tries as `times` says. */
export type StepFault =
  /** The supervisor says that the builder is gone. */
  | 'killed'
  /** It is gone for the supervisor, and goes on later where it stood. */
  | 'zombie'
  /** It stops beating. */
  | 'frozen'
  /** The builder ends the seat. */
  | 'dropped'
  | 'throws-internal'
  | 'throws-retryable'
  | 'throws-final'
  /** The step is done and stored, and nobody learns of it. */
  | 'answer-lost'

/** What goes wrong at a database step. */
export type DatabaseFault = 'away' | 'commit-unanswered'

export interface Fault<Kind extends string = StepFault> {
  readonly at: string
  readonly fault: Kind
  readonly times: number
}

/** How the requester meets a wait. */
export interface Reaction {
  /**
   * `late`: after its builder left; `slow`: after the Manager gave the seat back. `never`: an approval, so that it
   * expires; other waits have no end, and are met slowly.
   */
  readonly when: 'soon' | 'late' | 'slow' | 'never'
  /** An approval is refused. */
  readonly refuses: boolean
  /** Says it twice at the same moment, an approval both ways. */
  readonly twice: boolean
}

/** A task with everything that will happen to it. */
export interface Life {
  readonly seed: number
  readonly script: TaskScript
  /** Milliseconds from the start, of which the workflow makes fewer. */
  readonly deadlineInMs?: number
  readonly sayings: readonly Saying[]
  readonly faults: readonly Fault[]
  readonly databaseFaults: readonly Fault<DatabaseFault>[]
  /** Wait by wait; the last one holds for all later waits. */
  readonly reactions: readonly Reaction[]
}
