import type { TaskEvent } from '../domain/events.ts'
import type { TaskView } from '../domain/schemas/task.ts'
import type { OutboxCounts } from '../domain/ports/outbox.ts'
import type { Task } from '../domain/task.ts'
import type { ApiDependencies } from './dependencies.ts'

/** What links are made of. */
export type Links = Pick<ApiDependencies, 'publicUrl' | 'temporalUiUrl' | 'namespace'>

/** Where the Temporal Web UI shows a task; null when that is not known. */
export function temporalPageOf(taskId: string, { temporalUiUrl, namespace }: Omit<Links, 'publicUrl'>): string | null {
  if (temporalUiUrl === undefined) return null
  return `${temporalUiUrl}/namespaces/${namespace}/workflows/${encodeURIComponent(taskId)}`
}

/** Where people look at a task. */
export const webPageOf = (taskId: string, { publicUrl }: Pick<Links, 'publicUrl'>): string =>
  `${publicUrl()}/tasks/${taskId}`

/** A task with its links. */
export function viewOf(task: Task, dependencies: Links): TaskView {
  const { publicUrl } = dependencies
  const self = `${publicUrl()}/v1/tasks/${task.id}`
  const links = {
    self,
    events: `${self}/events`,
    patch: `${self}/patch`,
    temporal: temporalPageOf(task.id, dependencies),
    web: webPageOf(task.id, dependencies),
  }
  return { ...(task as Omit<TaskView, 'links'>), links }
}

/** What became of the messages about a task; nothing when there were none. */
export function notificationsOf(counts: OutboxCounts): Pick<TaskView, 'notifications'> {
  if (Object.keys(counts).length === 0) return {}
  const { pending = 0, sending = 0, sent = 0, unknown = 0, failed = 0, doubled = 0 } = counts
  return { notifications: { pending: pending + sending, sent, unknown, failed, doubled } }
}

/** An event as it travels: the fields of its type beside the common ones. */
export const eventViewOf = ({ data, ...event }: TaskEvent): Readonly<Record<string, unknown>> => ({ ...data, ...event })
