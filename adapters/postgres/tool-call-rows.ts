import { GatewayError } from '../../domain/errors.ts'
import type { NewTaskEvent } from '../../domain/events.ts'
import type { Decision } from '../../domain/policy.ts'
import type { ToolCall } from '../../domain/ports/store.ts'
import { summarise } from '../../domain/tools/summarise.ts'
import { callHash } from './call-hash.ts'
import type { Reader } from './transaction.ts'

/** A row of `tool_call`. */
export interface ToolCallRow {
  task_id: string
  turn: number
  position: number
  id: string
  name: string
  args: Record<string, unknown>
  decision: Decision
  state: ToolCall['state']
  approval_id: string | null
  approval_expires_at: Date | null
  approval_decision: 'approve' | 'reject' | null
  approval_comment: string | null
  approval_hash: string | null
}

/** What is read of a call, named: a newer gateway may add columns meanwhile. */
export const CALL_COLUMNS = `task_id, turn, position, id, name, args, decision, state, approval_id,
  approval_expires_at, approval_decision, approval_comment, approval_hash`

/** The call as ports know it. */
export const callOf = (row: ToolCallRow): ToolCall => ({
  turn: row.turn,
  position: row.position,
  id: row.id,
  name: row.name,
  args: row.args,
  state: row.state,
  decision: decisionOf(row),
  ...(row.approval_id !== null && { approvalId: row.approval_id }),
})

/** An approval lets run the very call it was asked for; anything else is denied, whatever the policy said of it. */
function decisionOf(row: ToolCallRow): Decision {
  if (row.approval_decision !== 'approve') return row.decision
  return row.approval_hash === callHash(row) ? 'allow' : 'deny'
}

/** One call; its absence is a fault of the workflow. */
export async function loadCall(
  reader: Reader,
  at: { readonly taskId: string; readonly turn: number; readonly position: number },
): Promise<ToolCallRow> {
  const { rows } = await reader.query<ToolCallRow>(
    `select ${CALL_COLUMNS} from tool_call where task_id = $1 and turn = $2 and position = $3`,
    [at.taskId, at.turn, at.position],
  )
  if (!rows[0]) throw new GatewayError('internal', `${at.taskId} has no call ${at.turn}/${at.position}.`)
  return rows[0]
}

/** Fields every event about a call carries. */
export const callData = (call: ToolCallRow) => ({
  turn: call.turn,
  position: call.position,
  callId: call.id,
  name: call.name,
})

/** The same in a statement, for `json_build_object`. */
export const CALL_DATA = `'turn', tool_call.turn, 'position', position, 'callId', tool_call.id, 'name', name`

/** `tool-called`, with the call in a few words. */
export const calledEvent = (call: ToolCallRow): NewTaskEvent => ({
  type: 'tool-called',
  data: { ...callData(call), summary: summarise(call.name, call.args) },
})

/** Finishes the calls of a task that still run, without a result; gives their events. */
export async function closeCalls(
  transaction: Reader,
  { taskId, reason }: { readonly taskId: string; readonly reason: string },
): Promise<readonly NewTaskEvent[]> {
  const { rows } = await transaction.query<ToolCallRow>(
    `update tool_call set state = 'finished', response = $2, summary = $3, finished_at = now()
     where task_id = $1 and state = 'running' returning ${CALL_COLUMNS}`,
    [taskId, JSON.stringify({ error: reason }), reason],
  )
  return rows
    .toSorted((one, other) => one.turn - other.turn || one.position - other.position)
    .map((row) => ({ type: 'tool-finished', data: { ...callData(row), ok: false, summary: reason } }))
}
