import type { TaskEvent } from '../domain/events.ts'
import type { TaskView } from '../domain/schemas/task.ts'
import type { Task } from '../domain/task.ts'
import type { ApiDependencies } from './dependencies.ts'

type Links = Pick<ApiDependencies, 'publicUrl' | 'temporalUiUrl' | 'namespace'>

/** A task with its links. */
export function viewOf(task: Task, { publicUrl, temporalUiUrl, namespace }: Links): TaskView {
  const self = `${publicUrl()}/v1/tasks/${task.id}`
  const temporal = temporalUiUrl === undefined ? null : `${temporalUiUrl}/namespaces/${namespace}/workflows/${task.id}`
  const links = {
    self,
    events: `${self}/events`,
    patch: `${self}/patch`,
    temporal,
    web: `${publicUrl()}/tasks/${task.id}`,
  }
  return { ...(task as Omit<TaskView, 'links'>), links }
}

/** An event as it travels: the fields of its type beside the common ones. */
export const eventViewOf = ({ data, ...event }: TaskEvent): Readonly<Record<string, unknown>> => ({ ...data, ...event })
