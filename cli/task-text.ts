import type { TaskView } from '../domain/schemas/task.ts'

/** What a task cost, in words. */
export function costLine({ cost }: TaskView): string {
  const tokens = `${cost.inputTokens} in, ${cost.outputTokens + cost.thoughtTokens} out`
  return `cost: $${cost.usd.toFixed(4)} (${cost.modelCalls} model calls, ${tokens} tokens)`
}

/** A task for a person, a fact a line. */
export function taskText(task: TaskView): string {
  const { waiting, result, error, progress } = task
  const lines = [
    `${task.id}  ${task.title}`,
    `state: ${task.state}${waiting ? ` (waits for ${waiting.for}${waiting.question ? `: ${waiting.question}` : ''})` : ''}`,
    `${task.kind}, priority ${task.priority}, turn ${progress.turn} of ${progress.maxTurns}`,
    ...(task.repository ? [`repository: ${task.repository.url}`] : []),
    ...progress.plan.map(({ text, status }) => `  [${status === 'completed' ? 'x' : ' '}] ${text}`),
    ...(waiting?.approvalId
      ? [`approval: ${waiting.approvalId} for ${waiting.tool}${waiting.callHash ? ` (call ${waiting.callHash})` : ''}`]
      : []),
    ...(result ? [`verdict: ${result.verdict}`, result.summary] : []),
    ...(result?.branch ? [`branch: ${result.branch} at ${result.commit}`] : []),
    ...(result?.pullRequest ? [`pull request: ${result.pullRequest}`] : []),
    ...(error ? [`error: ${error.code}: ${error.message}`] : []),
    ...(task.notifications?.unknown ? [`messages that may not have arrived: ${task.notifications.unknown}`] : []),
    ...(task.notifications?.doubled ? [`messages that arrived twice: ${task.notifications.doubled}`] : []),
    costLine(task),
    linksText(task),
  ]
  return lines.join('\n')
}

/** Where to look further. */
export function linksText({ links }: TaskView): string {
  return [`Temporal Web UI: ${links.temporal ?? 'that of your Temporal server'}`, `API: ${links.self}`].join('\n')
}
