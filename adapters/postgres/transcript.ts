import type { Pool } from 'pg'

/** Everything said in a task, in order, for a person: messages, turns, calls with their whole output. */
export async function transcript(pool: Pool, taskId: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { rows } = await pool.query<{ entry: Record<string, unknown> }>(
    `select entry from (
       select turn as place, 0 as rank, 0 as position, created_at as at, json_build_object('type', 'message', 'author', author,
         'turn', turn, 'text', text, 'at', created_at) as entry from message where task_id = $1
       union all
       select number, 1, 0, started_at, json_build_object('type', 'turn', 'turn', number, 'model', model, 'parts', parts,
         'finishReason', finish_reason, 'startedAt', started_at, 'answeredAt', answered_at) from turn where task_id = $1
       union all
       select turn, 2, position, started_at, json_build_object('type', 'tool', 'turn', turn, 'position', position, 'id', id,
         'name', name, 'args', args, 'state', state, 'decision', decision, 'response', response, 'output', output,
         'startedAt', started_at, 'finishedAt', finished_at) from tool_call where task_id = $1
     ) as entries order by place nulls last, rank, position, at`,
    [taskId],
  )
  return rows.map((row) => row.entry)
}
