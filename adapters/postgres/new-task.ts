import { DEFAULT_MAX_TURNS, DEFAULT_PRIORITY, type TaskRequest } from '../../domain/task.ts'
import { TASK_COLUMNS, type TaskRow } from './task-rows.ts'
import type { Reader } from './transaction.ts'

/** Inserts a task as it was asked for; its first event is the caller's to write. */
export async function insertTask(
  transaction: Reader,
  task: Pick<TaskRow, 'id' | 'tenant' | 'requester' | 'channel'> & {
    readonly request: TaskRequest
    readonly retryOf?: string | undefined
  },
): Promise<TaskRow> {
  const { request } = task
  const { rows } = await transaction.query<TaskRow>(
    `insert into task (id, tenant, requester, channel, title, kind, state, priority, prompt, request, budget_usd, max_turns, retry_of)
     values ($1, $2, $3, $4, $5, $6, 'received', $7, $8, $9, $10, $11, $12) returning ${TASK_COLUMNS}`,
    [
      task.id,
      task.tenant,
      task.requester,
      task.channel,
      request.title ?? firstLine(request.prompt),
      request.kind ?? 'code',
      request.priority ?? DEFAULT_PRIORITY,
      request.prompt,
      JSON.stringify(request),
      request.constraints?.budgetUsd ?? null,
      request.constraints?.maxTurns ?? DEFAULT_MAX_TURNS,
      task.retryOf ?? null,
    ],
  )
  return rows[0] as TaskRow
}

const firstLine = (prompt: string): string => {
  // By characters: half of a surrogate pair cannot be stored.
  const line = [...(prompt.trim().split('\n')[0] ?? '').trimEnd()]
  return line.length > 80 ? `${line.slice(0, 79).join('')}…` : line.join('') || 'Task'
}
