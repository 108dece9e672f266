import { DEFAULT_MAX_TURNS, DEFAULT_PRIORITY, type TaskRequest } from '../../domain/task.ts'
import { TASK_COLUMNS, type TaskRow } from './task-rows.ts'
import type { Reader } from './transaction.ts'

type NewTask = Pick<TaskRow, 'id' | 'tenant' | 'requester' | 'channel'> & {
  readonly request: TaskRequest
  readonly retryOf?: string | undefined
}

/** Inserts a task as it was asked for; its first event is the caller's to write. */
export async function insertTask(transaction: Reader, task: NewTask): Promise<TaskRow> {
  const { rows } = await transaction.query<TaskRow>(taskInserted({ events: 0 }), taskValues(task))
  return rows[0] as TaskRow
}

/** Inserts, with the {@link taskValues} as first values, a task that has so many events; one for a row of `from`. */
export const taskInserted = ({ events, from }: { readonly events: number; readonly from?: string }): string =>
  `insert into task (id, tenant, requester, channel, title, kind, state, priority, prompt, request, budget_usd,
     max_turns, retry_of, sequence)
   select $1, $2, $3, $4, $5, $6, 'received', $7, $8, $9, $10, $11, $12, ${events} ${from ? `from ${from}` : ''}
   returning ${TASK_COLUMNS}`

export const taskValues = ({ request, ...task }: NewTask): unknown[] => [
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
]

const firstLine = (prompt: string): string => {
  // By characters: half of a surrogate pair cannot be stored.
  const line = [...(prompt.trim().split('\n')[0] ?? '').trimEnd()]
  return line.length > 80 ? `${line.slice(0, 79).join('')}…` : line.join('') || 'Task'
}
