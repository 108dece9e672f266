import type { TaskBrief } from '../../domain/contracts.ts'
import type { Task } from '../../domain/task.ts'

/** What the workflows see of a task. */
export const briefOf = (task: Task): TaskBrief => ({
  taskId: task.id,
  title: task.title,
  tenant: task.tenant,
  channel: task.channel,
  requester: task.requester,
  kind: task.kind,
  priority: task.priority,
  repository: task.repository === null ? undefined : repositoryName(task.repository.url),
  isChecked: (task.acceptance?.commands ?? []).length > 0,
  labels: task.labels,
  deadline: task.constraints.deadline,
  state: task.state,
  costUsd: task.cost.usd,
})

/** The last two parts of a repository URL: readable, and without user names or hosts. */
export function repositoryName(url: string): string {
  const parts = url
    .replace(/\.git\/?$/, '')
    .split(/[/:]/)
    .filter(Boolean)
  return parts.slice(-2).join('/')
}
