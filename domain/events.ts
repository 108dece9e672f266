/** What can happen to a task, as its watchers see it. `task-ended` stands once and last. */
export const TASK_EVENT_TYPES = [
  'task-received',
  'task-understood',
  'task-queued',
  'builder-assigned',
  'turn-started',
  'tool-called',
  'tool-finished',
  'message-sent',
  'approval-requested',
  'approval-decided',
  'input-requested',
  'budget-requested',
  'builder-lost',
  'workspace-restored',
  'verification-finished',
  'task-ended',
] as const

export type TaskEventType = (typeof TASK_EVENT_TYPES)[number]

/** One entry of a task's event stream. `sequence` starts at 1 and has no gaps. */
export interface TaskEvent {
  readonly sequence: number
  /** RFC 3339. */
  readonly at: string
  readonly type: TaskEventType
  readonly taskId: string
  /** Fields of this type, flat beside the four above on the wire. */
  readonly data: Readonly<Record<string, unknown>>
}

/** An event before the store gives it its place. */
export type NewTaskEvent = { readonly type: TaskEventType; readonly data?: Readonly<Record<string, unknown>> }
