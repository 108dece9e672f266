import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow'
import type { Seat, TaskBrief } from '../domain/contracts.ts'
import type { Priority, TaskState, Verdict, Waiting } from '../domain/task.ts'

/**
 * How the outside speaks to the workflows. Signals where nobody waits for an answer; updates where the caller must
 * learn that it came too late.
 */

/** Input of `manageTask`: what the Manager decides by. The request itself waits in the store under this id. */
export type ManageTaskInput = TaskBrief

/** Result of `manageTask`, small enough to be read in the Temporal Web UI. */
export interface TaskOutcome {
  readonly state: TaskState
  readonly verdict?: Verdict
  readonly branch?: string
  readonly pullRequest?: string
  readonly costUsd: number
  readonly error?: string
}

export interface TaskStatus {
  readonly state: TaskState
  readonly builder: string | null
  readonly seat: number
  readonly paused: boolean
}

/** What asked for a change; it is taken once. An operator at Temporal's own command line sends nothing. */
export interface Asked {
  readonly requestId?: string | undefined
}

export const cancelSignal = defineSignal<[Asked?]>('cancel')
export const pauseSignal = defineSignal<[Asked?]>('pause')
export const resumeSignal = defineSignal<[Asked?]>('resume')
/** The store holds new text for the task. */
export const messageReceivedSignal = defineSignal<[{ readonly kind: 'answer' | 'steer' }]>('messageReceived')

/** From a builder: the seat is yours. */
export const seatGrantedSignal = defineSignal<[Seat]>('seatGranted')
/** From the supervisor or a draining builder: everything held on this builder is gone, or must move. */
export const seatLostSignal = defineSignal<[{ readonly builder: string; readonly reason: string }]>('seatLost')
export const drainSignal = defineSignal<[{ readonly builder: string }]>('drain')

/** From a sub-task's Manager to that of the whole: it waits for a person, or no longer does. */
export const subtaskWaitSignal = defineSignal<[SubtaskReport]>('subtaskWait')
/** The other way: what people said to the whole. */
export const relayedSignal = defineSignal<[Relayed]>('relayed')

export const approveUpdate = defineUpdate<void, [ApprovalDecision]>('approve')
export const rejectUpdate = defineUpdate<void, [ApprovalDecision]>('reject')
export const reprioritiseUpdate = defineUpdate<void, [{ readonly priority: number }]>('reprioritise')
export const raiseBudgetUpdate = defineUpdate<void, [{ readonly budgetUsd: number }]>('raiseBudget')
export const steerUpdate = defineUpdate<'answer' | 'steer', [SteeringText]>('steer')

export interface ApprovalDecision {
  readonly approvalId: string
  readonly comment?: string
  /** Who decides; an operator at Temporal's own command line when absent. */
  readonly by?: string
}

export interface SteeringText {
  readonly text: string
  /** The file that came with it, as the store numbers it. */
  readonly attachment?: number | undefined
  /** As {@link ApprovalDecision.by}. */
  readonly from?: string
}

/** What a sub-task waits for; nothing when it goes on. */
export interface SubtaskReport {
  readonly taskId: string
  readonly waiting?: Pick<Waiting, 'for' | 'approvalId'>
}

export type Relayed =
  | { readonly type: 'approval-decided'; readonly approvalId: string }
  | { readonly type: 'budget-raised' }
  | { readonly type: 'reprioritised'; readonly priority: Priority }

export const statusQuery = defineQuery<TaskStatus>('status')
/** Whether what was asked for with this id has been taken; also of a task that has ended. */
export const takenQuery = defineQuery<boolean, [string]>('taken')

/** Input of `converse`; its id is the conversation's. */
export interface ConverseInput {
  readonly conversation: string
}

/** To a conversation: the inbox holds something new. It only wakes; what and in which order the inbox knows. */
export const conversationWokenSignal = defineSignal('messageReceived')

/** To a Builder run: stop at the next step boundary. */
export const interruptSignal = defineSignal('interrupt')
