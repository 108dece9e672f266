import type { Failure } from './errors.ts'

/** Where a task is in its life. The only way from one state to another is {@link canMove}. */
export type TaskState = (typeof TASK_STATES)[number]

export const TASK_STATES = [
  'received',
  'understanding',
  'queued',
  'building',
  'verifying',
  'delivering',
  'awaiting_input',
  'awaiting_approval',
  'awaiting_budget',
  'paused',
  'completed',
  'failed',
  'cancelled',
  'expired',
] as const

/** The ends: no state follows. There is no "lost". */
export const FINAL_STATES = ['completed', 'failed', 'cancelled', 'expired'] as const satisfies readonly TaskState[]

const WAITS = [
  'awaiting_input',
  'awaiting_approval',
  'awaiting_budget',
  'paused',
] as const satisfies readonly TaskState[]
const UNHAPPY_ENDS = ['failed', 'cancelled', 'expired'] as const satisfies readonly TaskState[]

/**
 * Which states may follow which. Backwards only from `verifying` to `building` (a repair) and from a wait to where it
 * came from; a task that gave its seat back while it waited passes `queued` again.
 */
const TRANSITIONS: Readonly<Record<TaskState, readonly TaskState[]>> = {
  received: ['understanding', ...UNHAPPY_ENDS],
  understanding: ['queued', 'completed', ...WAITS, ...UNHAPPY_ENDS],
  queued: ['building', 'paused', ...UNHAPPY_ENDS],
  building: ['verifying', ...WAITS, ...UNHAPPY_ENDS],
  verifying: ['building', 'delivering', ...UNHAPPY_ENDS],
  delivering: ['completed', ...UNHAPPY_ENDS],
  awaiting_input: ['understanding', 'building', 'queued', 'paused', ...UNHAPPY_ENDS],
  awaiting_approval: ['building', 'queued', 'paused', ...UNHAPPY_ENDS],
  awaiting_budget: ['understanding', 'building', 'queued', 'paused', ...UNHAPPY_ENDS],
  paused: ['understanding', 'queued', 'building', ...UNHAPPY_ENDS],
  completed: [],
  failed: [],
  cancelled: [],
  expired: [],
}

/** Whether a task may go from one state to the other. A state does not follow itself. */
export function canMove(from: TaskState, to: TaskState): boolean {
  return TRANSITIONS[from].includes(to)
}

/** The states from which a task can move to this one. */
export const statesBefore = (to: TaskState): readonly TaskState[] => TASK_STATES.filter((from) => canMove(from, to))

/** Whether the task has ended. */
export function isFinal(state: TaskState): boolean {
  return (FINAL_STATES as readonly TaskState[]).includes(state)
}

/** Whether the task waits for a human. */
export function isWaiting(state: TaskState): boolean {
  return (WAITS as readonly TaskState[]).includes(state)
}

/** Whether new text can still steer the task: taken before `verifying`, refused later. */
export function acceptsSteering(state: TaskState): boolean {
  return !isFinal(state) && state !== 'verifying' && state !== 'delivering'
}

export type TaskKind = 'code' | 'data' | 'question' | 'operations'
export const TASK_KINDS = ['code', 'data', 'question', 'operations'] as const satisfies readonly TaskKind[]

export type ApprovalMode = 'sandboxed' | 'default' | 'auto_edit' | 'plan' | 'yolo'
export const APPROVAL_MODES = [
  'sandboxed',
  'default',
  'auto_edit',
  'plan',
  'yolo',
] as const satisfies readonly ApprovalMode[]

/** 1 is served first. */
export type Priority = 1 | 2 | 3 | 4 | 5
export const DEFAULT_PRIORITY: Priority = 3
/** Work already begun (a lost seat, a drain, a wait that ended) overtakes what has not. */
export const RESUMED_PRIORITY: Priority = 1
export const DEFAULT_MAX_TURNS = 100

export interface RepositoryReference {
  readonly url: string
  readonly ref?: string | undefined
}

/** How the verifier decides. No commands: the verdict is `not_run`. */
export interface Acceptance {
  readonly setup?: readonly string[] | undefined
  readonly commands: readonly string[]
  readonly protectedPaths?: readonly string[] | undefined
}

export interface Constraints {
  readonly budgetUsd?: number | undefined
  readonly maxTurns?: number | undefined
  /** RFC 3339. */
  readonly deadline?: string | undefined
  readonly approvalMode?: ApprovalMode | undefined
  readonly network?: 'none' | 'allowlist' | undefined
}

export interface Cost {
  readonly usd: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly thoughtTokens: number
  readonly cachedTokens: number
  readonly modelCalls: number
}

export interface PlanItem {
  readonly text: string
  readonly status: 'pending' | 'in_progress' | 'completed' | 'cancelled'
  /** The sub-task that does it. */
  readonly taskId?: string | undefined
}

export type Verdict = 'passed' | 'failed' | 'not_run'

export interface DiffStat {
  readonly files: number
  readonly insertions: number
  readonly deletions: number
}

export interface TaskResult {
  readonly summary: string
  readonly branch?: string | undefined
  readonly commit?: string | undefined
  readonly diffstat?: DiffStat | undefined
  readonly verdict: Verdict
  readonly pullRequest?: string | undefined
}

/** What a waiting task waits for. */
export interface Waiting {
  readonly for: 'input' | 'approval' | 'budget'
  readonly approvalId?: string | undefined
  readonly question?: string | undefined
  readonly tool?: string | undefined
  /** Of an approval: the first digits of the SHA-256 of the call it is for. */
  readonly callHash?: string | undefined
  readonly expiresAt?: string | undefined
}

/** A task as it is stored; the HTTP API adds `links`. */
export interface Task {
  readonly id: string
  readonly title: string
  readonly kind: TaskKind
  readonly state: TaskState
  readonly priority: Priority
  readonly prompt: string
  readonly repository: RepositoryReference | null
  readonly acceptance: Acceptance | null
  readonly constraints: Constraints
  readonly labels: readonly string[]
  readonly channel: string
  readonly requester: string
  readonly tenant: string
  readonly createdAt: string
  readonly updatedAt: string
  readonly endedAt?: string | undefined
  readonly builder?: { readonly id: string; readonly attempt: number } | undefined
  readonly progress: {
    readonly turn: number
    readonly maxTurns: number
    readonly plan: readonly PlanItem[]
    readonly lastEvent: string
  }
  readonly waiting?: Waiting | undefined
  readonly cost: Cost
  readonly result?: TaskResult | undefined
  readonly error?: Failure | undefined
  readonly retryOf?: string | undefined
  /** The task this one is a sub-task of. */
  readonly parentId?: string | undefined
}

/** What a requester asks for, parsed and authorised. */
export interface TaskRequest {
  readonly prompt: string
  readonly title?: string | undefined
  readonly kind?: TaskKind | undefined
  readonly repository?: RepositoryReference | undefined
  readonly acceptance?: Acceptance | undefined
  readonly constraints?: Constraints | undefined
  readonly priority?: Priority | undefined
  readonly labels?: readonly string[] | undefined
  readonly callbackUrl?: string | undefined
  /** Files that came along in a chat, as the store numbers them. */
  readonly attachments?: readonly number[] | undefined
}

/** The request of a task that is run again: a deadline that has passed would end it at once. */
export function withoutPastDeadline(request: TaskRequest, now: Date): TaskRequest {
  const { deadline, ...constraints } = request.constraints ?? {}
  if (deadline === undefined || Date.parse(deadline) > now.getTime()) return request
  return { ...request, constraints }
}
