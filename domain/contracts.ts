import type { Meaning } from './chat/meaning.ts'
import type { ToolCallReference } from './conversation.ts'
import type { Failure } from './errors.ts'
import type { Decision } from './policy.ts'
import type { Fence } from './ports/store.ts'
import type { Route } from './routing/strategy.ts'
import type { Priority, TaskKind, TaskResult, TaskState, Verdict, Waiting } from './task.ts'

/** What the workflows know of a task. Prompts, arguments and outputs stay in the store. */
export interface TaskBrief {
  readonly taskId: string
  readonly title: string
  readonly tenant: string
  readonly channel: string
  readonly requester: string
  readonly kind: TaskKind
  readonly priority: Priority
  readonly repository?: string | undefined
  /** Whether acceptance commands decide about the work. */
  readonly isChecked: boolean
  readonly labels: readonly string[]
  /** RFC 3339. */
  readonly deadline?: string | undefined
  readonly state: TaskState
  readonly costUsd: number
}

/** How understanding a task ended. */
export type UnderstandingOutcome =
  /** `parts`: how many sub-tasks it is built in, when it is not built whole. */
  | { readonly type: 'understood'; readonly brief: TaskBrief; readonly parts?: number }
  | { readonly type: 'answered'; readonly brief: TaskBrief; readonly answer: string }
  | { readonly type: 'unclear'; readonly brief: TaskBrief; readonly question: string }
  | { readonly type: 'budget-reached'; readonly brief: TaskBrief }

/** How a model turn ended. `calls` holds only what is still to be done; `last`: the model considers the work done. */
export type TurnOutcome =
  | {
      readonly type: 'answered'
      readonly calls: readonly PlannedCall[]
      readonly last: boolean
      readonly costUsd: number
    }
  | { readonly type: 'budget-reached' }
  /** The model goes round in circles; a person is asked. */
  | { readonly type: 'looping'; readonly question: string }

export type PlannedCall = ToolCallReference & {
  readonly decision: Decision
  /** `human`: the answer comes from a person, not from the sandbox. */
  readonly kind: 'sandbox' | 'human'
}

export interface VerificationOutcome {
  readonly verdict: Verdict
  readonly commit: string
  /** The end of the failing command's output; empty when nothing failed. */
  readonly log: string
}

/** What stands at the remote after a delivery. */
export interface Published {
  readonly result: TaskResult
  /** Whether the branch can have a pull request: a forge is configured for the repository. */
  readonly forge: boolean
}

/** How the Manager learnt that a seat is lost. */
export interface SeatLoss {
  readonly reason: string
  /** Whether the builder itself said so: it lives, and the step failed there. */
  readonly answered: boolean
}

export interface NotedLoss {
  /** Where the work stood: the same text twice means no step was finished in between. */
  readonly step: string
  readonly reason: string
  readonly builderGone: boolean
}

export interface SeatDemand {
  /** Whether other tasks wait for a seat: one that waits for a person does not keep it from them. */
  readonly othersQueue: boolean
}

/** Short steps of the Manager: database work and the understanding call. */
export interface GatewayActivities {
  /** The model is asked once a round: a repetition gives what was understood then. */
  understandTask(input: { readonly taskId: string; readonly round: number }): Promise<UnderstandingOutcome>
  queueTask(input: { readonly taskId: string }): Promise<Route>
  /** Makes the sub-tasks of a task once, and the task `building`; a repetition gives those there are. */
  openSubtasks(input: { readonly taskId: string }): Promise<readonly TaskBrief[]>
  /** Puts a task into the wait one of its sub-tasks has reported; undefined when that is over by now. */
  showSubtaskWait(input: {
    readonly taskId: string
    readonly subtaskId: string
    readonly waiting: Pick<Waiting, 'for' | 'approvalId'>
  }): Promise<Waiting | undefined>
  /** Says why the task fails when none of its sub-tasks was completed. */
  concludeSubtasks(input: { readonly taskId: string }): Promise<Failure | undefined>
  assignBuilder(input: Fence & { readonly builder: string; readonly attempt: number }): Promise<void>
  /** Ends the Builder run that stood there, and notes a lost seat once; a repetition gives what was noted first. */
  noteBuilderLost(input: Fence & SeatLoss & { readonly builder: string; readonly run: string }): Promise<NotedLoss>
  /** Puts a task into a waiting state and says so to its watchers. */
  awaitHuman(input: { readonly taskId: string; readonly wait: Wait }): Promise<Waiting & SeatDemand>
  pauseTask(input: { readonly taskId: string }): Promise<SeatDemand>
  /** Back from a wait to `understanding`, `building` or `queued`. */
  resumeTask(input: { readonly taskId: string; readonly to: TaskState }): Promise<void>
  /** To `verifying`, unless a message waits for the model: then false. */
  beginVerification(input: { readonly taskId: string }): Promise<boolean>
  /** Gives the verification's log to the Builder and the task back to `building`. */
  requestRepair(input: {
    readonly taskId: string
    readonly attempt: number
    readonly outcome: VerificationOutcome
  }): Promise<void>
  beginDelivery(input: { readonly taskId: string }): Promise<void>
  /** Ends a task, and with it every part of it that has not ended. */
  endTask(input: {
    readonly taskId: string
    readonly state: Extract<TaskState, 'completed' | 'failed' | 'cancelled' | 'expired'>
    readonly result?: TaskResult
    readonly error?: Failure
  }): Promise<TaskBrief>
  receiveMessage(input: {
    readonly taskId: string
    readonly text: string
    readonly from: string
    /** Repeated with the same key it is the same message. */
    readonly key: string
    readonly attachment?: number | undefined
  }): Promise<'answer' | 'steer'>
  /** Keeps text its sub-tasks took for the Builder of the whole, who may have to do their work. */
  keepMessage(
    input: Parameters<GatewayActivities['receiveMessage']>[0] & {
      /** Whose question it answers. */
      readonly answered?: string
    },
  ): Promise<void>
  decideApproval(input: {
    readonly taskId: string
    readonly approvalId: string
    readonly decision: 'approve' | 'reject'
    readonly comment?: string
    readonly by: string
    /** As of a message. */
    readonly key: string
  }): Promise<void>
  changeBudget(input: { readonly taskId: string; readonly budgetUsd: number }): Promise<void>
  changePriority(input: { readonly taskId: string; readonly priority: Priority }): Promise<void>
}

/** What a task waits for, as the workflow asks for it. */
export type Wait =
  | { readonly for: 'input'; readonly question: string }
  | { readonly for: 'input'; readonly turn: number; readonly position: number }
  | { readonly for: 'approval'; readonly turn: number; readonly position: number }
  | { readonly for: 'budget' }

/** A message of a conversation with what it asks for. */
export interface ReadMessage {
  /** Its number in the inbox. */
  readonly message: number
  readonly meaning: Meaning
}

/** The first message is so new that an earlier one may still be on its way. */
export interface Settling {
  readonly waitMs: number
}

/** Steps of a conversation: each may be repeated, the effects are the same once. */
export interface ConversationActivities {
  /** The first message nobody has handled, in the provider's order; undefined when there is none. */
  readNextMessage(input: { readonly conversation: string }): Promise<ReadMessage | Settling | undefined>
  /** Does what the message asks for, answers it, and marks it as handled. */
  carryOut(input: ReadMessage): Promise<void>
  /** Says that a message could not be handled, and marks it so. */
  giveUp(input: Pick<ReadMessage, 'message'>): Promise<void>
}

/** On the shared `builders` queue: runs as long as the seat is held. */
export interface SeatActivities {
  holdSeat(input: Fence): Promise<void>
}

/** On a builder's own queue, for whoever holds a seat there. */
export interface BuilderActivities {
  releaseSeat(input: Fence): Promise<void>
  /** Clone or restore; says with which turn to go on. */
  prepareWorkspace(input: Fence): Promise<{ readonly turn: number; readonly restored: boolean }>
  /** Merges the work of the completed sub-tasks into the workspace, and tells the model what is left to it, if anything. */
  mergeSubtasks(input: Fence): Promise<{ readonly isWorkLeft: boolean }>
  takeTurn(input: Fence & { readonly turn: number }): Promise<TurnOutcome>
  runTool(input: Fence & { readonly turn: number; readonly position: number }): Promise<void>
  verifyDelivery(input: Fence & { readonly attempt: number; readonly at: number }): Promise<VerificationOutcome>
  publishDelivery(input: Fence & { readonly commit: string; readonly verdict: Verdict }): Promise<Published>
  /** The page of the branch's pull request; it is opened once, and found by a repetition. */
  openPullRequest(input: Fence & { readonly branch: string }): Promise<{ readonly pullRequest: string }>
}

/** Input of the `buildTask` workflow: one Builder run on one seat. */
export interface BuildInput {
  readonly fence: Fence
  readonly queue: string
  readonly builder: string
  readonly title: string
  /** The turn to go on with. */
  readonly turn: number
  readonly costUsd: number
}

/** How a Builder run ended. A run that failed throws instead. */
export type BuildOutcome =
  | { readonly type: 'finished'; readonly costUsd: number }
  | { readonly type: 'waiting'; readonly wait: Wait; readonly costUsd: number }
  | { readonly type: 'interrupted'; readonly costUsd: number }

/** A granted seat. */
export interface Seat {
  readonly seat: number
  readonly builder: string
  /** Task queue of the builder's own worker. */
  readonly queue: string
}

/** Names the outside relies on. */
export const TASK_QUEUES = { manager: 'manager', gateway: 'gateway', builders: 'builders' } as const
export const builderQueue = (builderId: string): string => `builder-${builderId}`
