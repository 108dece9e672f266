import type { Priority } from '../domain/task.ts'

/**
 * How the API speaks to the Managers. Every method but `start` rejects with `conflict` when the task's state does not
 * allow it, and with `not_found` for an unknown task.
 */
export interface TaskControl {
  /** Starts the task's Manager; nothing when it was started before. */
  start(taskId: string): Promise<void>
  cancel(taskId: string): Promise<void>
  pause(taskId: string): Promise<void>
  resume(taskId: string): Promise<void>
  /** Answers the open question or steers the running task. */
  say(message: { readonly taskId: string; readonly text: string; readonly from: string }): Promise<void>
  decide(decision: {
    readonly taskId: string
    readonly approvalId: string
    readonly decision: 'approve' | 'reject'
    readonly comment?: string | undefined
    readonly by: string
  }): Promise<void>
  reprioritise(change: { readonly taskId: string; readonly priority: Priority }): Promise<void>
  raiseBudget(change: { readonly taskId: string; readonly budgetUsd: number }): Promise<void>
}
