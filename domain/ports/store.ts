import type { AttachmentStore } from './attachment-store.ts'
import type { ChatStore, ChatUsers } from './chat-store.ts'
import type { StyledText } from '../chat/styled-text.ts'
import type { FollowerStore, Outbox } from './outbox.ts'
import type { ModelContent, ModelPart, TokenUsage } from '../conversation.ts'
import type { NewTaskEvent, TaskEvent } from '../events.ts'
import type { Failure } from '../errors.ts'
import type { Role } from '../permissions.ts'
import type { Decision } from '../policy.ts'
import type { Receipt } from '../receipt.ts'
import type { Route } from '../routing/strategy.ts'
import type { PlanItem, Priority, Task, TaskKind, TaskRequest, TaskResult, TaskState, Waiting } from '../task.ts'
import type { Understanding } from '../understanding.ts'
import type { BlockedAttempt } from './sandbox.ts'

/**
 * Right to write for a seat. Every write of a builder compares `seat` with the task's current seat number in its own
 * transaction and throws `seat_lost` when it is older: a thawed builder changes nothing.
 */
export interface Fence {
  readonly taskId: string
  readonly seat: number
}

/** Where an accepted request came from; `channel` + `tenant` + `key` is its identity for at least eight days. */
export interface Acceptance {
  readonly id: string
  readonly channel: string
  readonly tenant: string
  readonly requester: string
  readonly key: string
  /** SHA-256 of the canonical body; the same key with another digest throws `idempotency_key_reused`. */
  readonly digest: string
  readonly request: TaskRequest
  readonly retryOf?: string
  /** The chat that is told how it goes. */
  readonly conversation?: string | undefined
  /** What its first message takes along. */
  readonly aside?: StyledText | undefined
}

export interface TaskFilter {
  readonly tenant: string
  /** Only this requester's tasks. */
  readonly requester?: string
  readonly state?: TaskState
  readonly kind?: TaskKind
  /** Words that stand in title or prompt. */
  readonly q?: string
  /** 1..200. */
  readonly limit: number
  /** As a former page gave it; a broken one throws `invalid_cursor`. */
  readonly cursor?: string
}

/** What a transition changes beside the state. */
export interface TaskChange {
  readonly title?: string
  readonly kind?: TaskKind
  readonly priority?: Priority
  readonly understanding?: Understanding
  /** With its understanding: a round that was noted before stays as it is. */
  readonly understoodRound?: number
  readonly route?: Route
  readonly builder?: { readonly id: string; readonly seat: number; readonly attempt: number }
  readonly waiting?: Waiting | null
  readonly budgetUsd?: number
  readonly result?: TaskResult
  readonly error?: Failure
}

/** Tasks, their states and events. Reads of one task are of the last committed write. */
export interface TaskStore {
  /** Inbox row, task and `task-received` in one transaction; the same key and digest give the same task. */
  accept(acceptance: Acceptance): Promise<{ readonly task: Task; readonly created: boolean }>
  /** The task a key stands for already; another digest throws `idempotency_key_reused`. */
  accepted(identity: Pick<Acceptance, 'channel' | 'tenant' | 'key' | 'digest'>): Promise<Task | undefined>
  /** The task, or undefined when unknown or another tenant's. */
  find(id: string, tenant?: string): Promise<Task | undefined>
  /** Without sub-tasks. */
  list(filter: TaskFilter): Promise<{ readonly items: readonly Task[]; readonly nextCursor: string | null }>
  /** Events after a sequence number, in order. */
  events(query: {
    readonly taskId: string
    readonly after: number
    readonly limit: number
  }): Promise<readonly TaskEvent[]>
  /** Calls back (without data) soon after new events of the task were committed, by whichever process. */
  subscribe(taskId: string, listener: () => void): Promise<() => void>
  /**
   * Makes sub-tasks of a task, once: asked again it gives those there are. They have its tenant, channel and requester
   * and build on its base; what they cost is its cost, and its budget is theirs. The first `told` texts that waited
   * for its model count as read in turn 1. Throws `conflict` when the task has ended.
   */
  divide(division: {
    readonly taskId: string
    readonly subtasks: readonly {
      readonly id: string
      readonly request: TaskRequest
      readonly understanding: Understanding
    }[]
    /** How many texts of `unread` stand in these requests; what came later does not. */
    readonly told?: number
  }): Promise<readonly Task[]>
  /** In the order of their parts; none of a task that was not divided. */
  subtasks(taskId: string): Promise<readonly Task[]>
  /**
   * Moves a task and writes its events in one transaction. Being there already changes nothing; an illegal move
   * throws `conflict`. `from`: only out of this state; `unlessSteered`: not when a message waits for the model. The
   * task stays then, and the answer is `moved: false`.
   */
  move(move: {
    readonly taskId: string
    readonly from?: TaskState
    readonly to: TaskState
    readonly events?: readonly NewTaskEvent[]
    readonly change?: TaskChange
    readonly unlessSteered?: boolean
  }): Promise<TaskWork & { readonly moved: boolean }>
  /** Writes events and changes without a transition; nothing when the task has ended. A builder says its seat. */
  note(note: {
    readonly taskId: string
    readonly seat?: number
    readonly events?: readonly NewTaskEvent[]
    readonly change?: TaskChange
  }): Promise<TaskWork>
  /** Ids whose workflow was not seen started within `olderThanMs`: neither was it said, nor has the task moved. */
  unstarted(query: { readonly olderThanMs: number; readonly limit: number }): Promise<readonly string[]>
  markStarted(taskId: string): Promise<void>
  /** Ids, in order and after `after`, of started tasks not ended that nobody wrote to within `olderThanMs`. */
  quiet(query: {
    readonly olderThanMs: number
    readonly after: string
    readonly limit: number
  }): Promise<readonly string[]>
  /** How many tasks wait for a builder, and since when the oldest does. */
  queued(): Promise<{ readonly count: number; readonly oldestWaitMs: number }>
  /** Ids of tasks not ended that were last given to this builder. */
  heldBy(builder: string): Promise<readonly string[]>
  /** What only the workers need of a task. */
  work(taskId: string): Promise<TaskWork>
}

/** A task with the parts the API does not show. */
export interface TaskWork {
  readonly task: Task
  /** As the requester sent it: what is absent here the model may choose. */
  readonly request: TaskRequest
  readonly seat: number
  /** The round `understanding` comes from; 0 before the first. */
  readonly understoodRound: number
  readonly understanding?: Understanding
  readonly route?: Route
  /** What the work stands on, once that was fixed for the task itself. */
  readonly baseCommit?: string
}

/** A stored tool call. */
export interface ToolCall {
  readonly turn: number
  readonly position: number
  /** Gemini's own id of the call. */
  readonly id: string
  readonly name: string
  readonly args: Readonly<Record<string, unknown>>
  readonly state: 'pending' | 'running' | 'finished'
  readonly decision: Decision
  readonly approvalId?: string
}

/** A model turn that was answered. */
export interface Turn {
  readonly number: number
  readonly model: string
  readonly parts: readonly ModelPart[]
  readonly calls: readonly ToolCall[]
}

/** A workspace state that survived its builder. */
export interface Checkpoint {
  readonly commit: string
  readonly tree: string
  readonly bundle: Uint8Array
}

/** How the start of a turn went. */
export type TurnStart =
  | { readonly type: 'answered'; readonly turn: Turn; readonly spentUsd: number }
  | { readonly type: 'ready'; readonly contents: readonly ModelContent[] }
  | { readonly type: 'budget-reached'; readonly spentUsd: number; readonly budgetUsd: number }
  /** The last `LOOPING_CALLS` calls were this one, with one and the same result, and nobody has said anything since. */
  | { readonly type: 'looping'; readonly call: Pick<ToolCall, 'name' | 'args'> }
  | { readonly type: 'turns-reached'; readonly maxTurns: number }

/** How the start of a tool call went. */
export type ToolStart =
  | { readonly type: 'finished' }
  /** `repeated`: an earlier try began and its outcome is not known. */
  | { readonly type: 'run'; readonly call: ToolCall; readonly repeated: boolean }

/** The conversation of a task with its model, and what came of it. */
export interface ConversationStore {
  /**
   * Opens a turn: waiting messages are bound to it, `turn-started` is written once, limits are checked.
   * A turn that was answered before is returned and never paid twice.
   */
  beginTurn(request: Fence & { readonly turn: number }): Promise<TurnStart>
  /** Cost of an answered call, stored with the answer or before its refusal. `turn` 0 is the understanding step. */
  recordCall(call: {
    readonly taskId: string
    readonly turn: number
    readonly model: string
    readonly usage: TokenUsage
    readonly usd: number
  }): Promise<void>
  /**
   * Stores an answered turn with its calls and cost in one transaction. The first answer stays: a second one of a
   * repeated step only costs. `calls`: those that stand; `spentUsd`: what the task has cost by then.
   */
  finishTurn(
    request: Fence & {
      readonly turn: number
      readonly model: string
      readonly parts: readonly ModelPart[]
      readonly finishReason: string
      readonly usage: TokenUsage
      readonly usd: number
      readonly calls: readonly Omit<ToolCall, 'state' | 'turn' | 'approvalId'>[]
    },
  ): Promise<{ readonly calls: readonly ToolCall[]; readonly spentUsd: number }>
  beginTool(request: Fence & { readonly turn: number; readonly position: number }): Promise<ToolStart>
  /** Result, checkpoint, plan and `tool-finished` in one transaction. */
  finishTool(
    request: Fence & {
      readonly turn: number
      readonly position: number
      /** The call as it was planned, when nobody began it: then it begins and ends with this, and both are told of. */
      readonly unbegun?: Pick<ToolCall, 'name' | 'args'>
      readonly response: Readonly<Record<string, unknown>>
      readonly ok: boolean
      readonly summary: string
      /** Whole output, when the response holds only a part of it. */
      readonly output?: string
      readonly checkpoint?: Checkpoint
      readonly plan?: readonly PlanItem[]
      /** What the boundary stopped; it stands in the event. */
      readonly blocked?: readonly BlockedAttempt[]
    },
  ): Promise<void>
  /** One stored call. */
  call(at: { readonly taskId: string; readonly turn: number; readonly position: number }): Promise<ToolCall>
  /**
   * Number of the turn to go on with: the last one when a call of it is unfinished, or when it ended the run (with
   * words alone, or with `complete_task`) and nobody has said anything since; else the next.
   */
  nextTurn(taskId: string): Promise<number>
  /**
   * Takes a human's text: the answer to the open question, or a steer for the next turn. Throws `conflict` when the
   * task takes no text any more. A message with the `key` of an earlier one is that message, and gets its answer.
   */
  receive(message: {
    readonly taskId: string
    readonly text: string
    readonly from: string
    readonly key?: string
    /** The file that came with it. */
    readonly attachment?: number | undefined
  }): Promise<'answer' | 'steer'>
  /**
   * Keeps a human's text that the sub-tasks of the task were told, once for a `key`: it counts as read in turn 1, and
   * stands there should the task's own Builder ever take it. Nothing happens once the task has ended.
   */
  keep(message: Parameters<ConversationStore['receive']>[0]): Promise<void>
  /** Puts text of the gateway itself (a verification log) before the next turn; once for a `key`. */
  tell(message: { readonly taskId: string; readonly text: string; readonly key?: string }): Promise<void>
  /** Text of people that no turn has taken yet, oldest first. */
  unread(taskId: string): Promise<readonly string[]>
  /** The model's last words: the summary of `complete_task`, else the text of the last turn. */
  lastWords(taskId: string): Promise<string>
  /**
   * Opens an approval for a call and gives its id; the same call gets the same id. What is approved is the call as it is
   * now: one whose name or arguments hash to something else later is denied.
   */
  openApproval(request: {
    readonly taskId: string
    readonly turn: number
    readonly position: number
    readonly expiresAt: string
  }): Promise<{ readonly approvalId: string; readonly callHash: string; readonly call: ToolCall }>
  /** Whether the task ever asked for this approval. */
  hasApproval(approval: { readonly taskId: string; readonly approvalId: string }): Promise<boolean>
  /** The task that asked for an approval: the whole, when a part of it did; undefined when unknown or another tenant's. */
  taskOfApproval(approval: { readonly approvalId: string; readonly tenant: string }): Promise<Task | undefined>
  /**
   * First decision wins; a second throws `conflict`, an unknown id `not_found`. One with the `key` of the first is the
   * first, repeated.
   */
  decideApproval(decision: {
    readonly taskId: string
    readonly approvalId: string
    readonly decision: 'approve' | 'reject'
    readonly comment?: string
    readonly by: string
    readonly key?: string
  }): Promise<void>
  /** The whole conversation for a person: turns with calls, responses and outputs, messages. */
  transcript(taskId: string): Promise<readonly Readonly<Record<string, unknown>>[]>
}

/** Results that outlive the builder. */
export interface ArtifactStore {
  /** The task's files after its last finished tool call; undefined when no call has changed any. */
  checkpoint(taskId: string): Promise<Checkpoint | undefined>
  saveCheckpoint(request: Fence & { readonly checkpoint: Checkpoint }): Promise<void>
  /** Throws `seat_lost` when the seat is no longer valid; asked right before an effect outside the store. */
  assertSeat(fence: Fence): Promise<void>
  /** The commit to build on, once it is fixed; a sub-task's is that of its whole. */
  base(taskId: string): Promise<string | undefined>
  /** The commit to build on: the first one fixed stays, for a task and all of its sub-tasks. */
  fixBase(request: Fence & { readonly baseCommit: string }): Promise<string>
  /** What would be delivered, the receipt of its verification and the event that tells of it, in one transaction. */
  saveDelivery(
    request: Fence & {
      readonly commit: string
      readonly patch: Uint8Array
      readonly receipt: Receipt
      readonly event: NewTaskEvent
    },
  ): Promise<void>
  patch(taskId: string): Promise<Uint8Array | undefined>
  receipt(taskId: string): Promise<Receipt | undefined>
}

export interface ApiKey {
  readonly id: string
  readonly name: string
  readonly tenant: string
  readonly roles: readonly Role[]
  readonly createdAt: string
  readonly expiresAt?: string
  readonly revokedAt?: string
}

/** API keys; only SHA-256 hashes of them are kept. */
export interface KeyStore {
  create(key: {
    readonly id: string
    readonly name: string
    readonly tenant: string
    readonly roles: readonly Role[]
    readonly hash: string
    readonly expiresAt?: string
  }): Promise<ApiKey>
  /** The live key of a hash: not revoked, not expired. */
  findByHash(hash: string): Promise<ApiKey | undefined>
  list(tenant: string): Promise<readonly ApiKey[]>
  /** False when unknown or another tenant's. */
  revoke(id: string, tenant: string): Promise<boolean>
}

export interface BuilderRecord {
  readonly id: string
  readonly pid: number
  readonly host: string
  readonly state: 'starting' | 'idle' | 'busy' | 'draining' | 'lost'
  readonly seats: number
  readonly seatsUsed: number
  readonly tasks: readonly string[]
  readonly startedAt: string
  readonly lastHeartbeatAt: string
  readonly restarts: number
  readonly cpu: number
  readonly rssBytes: number
  /** Whether a gateway started it, and so drains it; what somebody else started is that one's to end. */
  readonly supervised: boolean
  /** Since when it has had no task; absent while it has one. */
  readonly idleSince?: string
}

/** The builders of the namespace, whoever started them. One that has not reported for 10 s, or for a minute while it starts, is listed as `lost`. */
export interface BuilderRegistry {
  /** Whether a builder reported within so many milliseconds, by the store's clock. */
  beats(id: string, withinMs: number): Promise<boolean>
  /** Inserts or refreshes a builder; `lastHeartbeatAt` becomes now. */
  report(builder: Omit<BuilderRecord, 'startedAt' | 'lastHeartbeatAt' | 'idleSince'>): Promise<void>
  remove(id: string): Promise<void>
  list(): Promise<readonly BuilderRecord[]>
}

/** An office held until it is resigned or the connection that proves it breaks. */
export interface Leadership {
  readonly lost: globalThis.AbortSignal
  resign(): Promise<void>
}

/** Everything the gateway keeps. One adapter implements it whole. */
export interface Store {
  readonly tasks: TaskStore
  readonly conversations: ConversationStore
  readonly artifacts: ArtifactStore
  readonly keys: KeyStore
  readonly builders: BuilderRegistry
  readonly attachments: AttachmentStore
  readonly chats: ChatStore
  readonly chatUsers: ChatUsers
  readonly outbox: Outbox
  readonly followers: FollowerStore
  /**
   * Takes an office only one process of the namespace can hold; undefined while another holds it. Who asks again and
   * again waits with one connection, until the store is closed.
   */
  tryToLead(office: string): Promise<Leadership | undefined>
  /** Resolves when the store answers a trivial question. */
  ping(): Promise<void>
  close(): Promise<void>
}
