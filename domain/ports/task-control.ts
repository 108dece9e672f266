import type { Acceptance } from './store.ts'
import type { Priority, Task, TaskRequest } from '../task.ts'

/** Makes a change one change, however often it is asked for: the id of the message that asks. */
interface Once {
  readonly requestId?: string | undefined
}

/**
 * How channels speak to the Managers. Every method that changes a task, but `start`, rejects with `conflict` when the task's state does not
 * allow it, and with `not_found` for an unknown task.
 */
export interface TaskControl {
  /** Starts the task's Manager; nothing when it was started before. `task`: as it is, for who has just read it. */
  start(taskId: string, task?: Task): Promise<void>
  cancel(change: Once & { readonly taskId: string }): Promise<void>
  pause(change: Once & { readonly taskId: string }): Promise<void>
  resume(change: Once & { readonly taskId: string }): Promise<void>
  /** Answers the open question or steers the running task. */
  say(
    message: Once & {
      readonly taskId: string
      readonly text: string
      readonly from: string
      /** The file that came with it, as the store numbers it. */
      readonly attachment?: number | undefined
    },
  ): Promise<void>
  decide(
    decision: Once & {
      readonly taskId: string
      readonly approvalId: string
      readonly decision: 'approve' | 'reject'
      readonly comment?: string | undefined
      readonly by: string
    },
  ): Promise<void>
  reprioritise(change: { readonly taskId: string; readonly priority: Priority }): Promise<void>
  raiseBudget(change: Once & { readonly taskId: string; readonly budgetUsd: number }): Promise<void>
  /** Whether the task, which may have ended since, has taken what was asked for with this id. */
  taken(change: { readonly requestId: string; readonly taskId: string }): Promise<boolean>
}

/** A request for a task, from whichever channel. */
export interface TaskIntakeRequest {
  readonly channel: string
  readonly tenant: string
  readonly requester: string
  /** With channel and tenant the identity of the request: the same one gives the same task; without it none is the same. */
  readonly key?: string | undefined
  /** What the key stands for; the same key with another value is refused with `idempotency_key_reused`. */
  readonly body: unknown
  /** Checks and gives the request; not asked when the key stands for a task already, whatever has passed since then. */
  readonly request: () => TaskRequest
  readonly retryOf?: string | undefined
  /** The chat that is told how it goes. */
  readonly conversation?: string | undefined
  /** What the chat's first message about it takes along. */
  readonly aside?: Acceptance['aside']
}

/** The one way in: checks what a request names, makes the task durable, starts its Manager. */
export interface TaskIntake {
  accept(request: TaskIntakeRequest): Promise<Task>
}
