import type { Pool } from 'pg'
import { ulid } from 'ulidx'
import { GatewayError } from '../../domain/errors.ts'
import type { ConversationStore } from '../../domain/ports/store.ts'
import { isFinal } from '../../domain/task.ts'
import { callHash } from './call-hash.ts'
import { takenOnce } from './taken-messages.ts'
import { lockTask, TASK_COLUMNS, taskOf, writeTask, type TaskRow } from './task-rows.ts'
import { CALL_COLUMNS, callData, calledEvent, callOf, loadCall, type ToolCallRow } from './tool-call-rows.ts'
import { inTransaction, type Transaction } from './transaction.ts'

type OpenApproval = Parameters<ConversationStore['openApproval']>[0]
type DecideApproval = Parameters<ConversationStore['decideApproval']>[0]

/** Approvals: bound to one stored call and to what it holds, decided once. */
export function createApprovals(
  pool: Pool,
): Pick<ConversationStore, 'openApproval' | 'hasApproval' | 'taskOfApproval' | 'decideApproval'> {
  return {
    openApproval: (request) => inTransaction(pool, (transaction) => openApproval(transaction, request)),
    async hasApproval({ taskId, approvalId }) {
      const { rowCount } = await pool.query(
        `select 1 from tool_call join task on task.id = task_id
         where approval_id = $2 and (task.id = $1 or task.parent_id = $1)`,
        [taskId, approvalId],
      )
      return rowCount === 1
    },
    async taskOfApproval({ approvalId, tenant }) {
      const { rows } = await pool.query<TaskRow>(
        `select ${TASK_COLUMNS} from task where tenant = $2 and id = (
           select coalesce(part.parent_id, part.id) from tool_call join task part on part.id = task_id
           where approval_id = $1)`,
        [approvalId, tenant],
      )
      return rows[0] && taskOf(rows[0])
    },
    decideApproval: (decision) =>
      inTransaction(pool, async (transaction) => {
        const task = await lockTask(transaction, decision.taskId)
        await takenOnce(transaction, decision, () => decideApproval(transaction, task, decision))
      }),
  }
}

/** Enough to tell calls apart by eye. */
const shownHash = (hash: string): string => hash.slice(0, 12)

async function openApproval(transaction: Transaction, request: OpenApproval) {
  await lockTask(transaction, request.taskId)
  const call = await loadCall(transaction, request)
  const approvalId = call.approval_id ?? `approval-${ulid()}`
  const hash = call.approval_hash ?? callHash(call)
  await transaction.query(
    `update tool_call set approval_id = $4, approval_expires_at = coalesce(approval_expires_at, $5), approval_hash = $6
     where task_id = $1 and turn = $2 and position = $3`,
    [request.taskId, request.turn, request.position, approvalId, request.expiresAt, hash],
  )
  return { approvalId, callHash: shownHash(hash), call: callOf({ ...call, approval_id: approvalId }) }
}

async function decideApproval(
  transaction: Transaction,
  task: TaskRow,
  decision: DecideApproval,
): Promise<DecideApproval['decision']> {
  const { taskId, approvalId } = decision
  const { rows } = await transaction.query<ToolCallRow>(
    `select ${CALL_COLUMNS} from tool_call
     where approval_id = $2 and task_id in (select id from task where id = $1 or parent_id = $1)`,
    [taskId, approvalId],
  )
  const call = rows[0]
  if (!call) throw new GatewayError('not_found', `${taskId} has no approval ${approvalId}.`)
  if (call.approval_decision !== null)
    throw new GatewayError('conflict', `Approval ${approvalId} was decided already (${call.approval_decision}).`)
  // Of a sub-task it is while the whole still shows the wait that sub-task has left.
  if (call.task_id !== taskId || task.waiting?.approvalId !== approvalId)
    throw new GatewayError('conflict', `${taskId} is ${task.state} and does not wait for approval ${approvalId}.`)
  await transaction.query(
    `update tool_call set approval_decision = $3, approval_comment = $4, approval_by = $5
     where task_id = $1 and approval_id = $2`,
    [taskId, approvalId, decision.decision, decision.comment ?? null, decision.by],
  )
  const callHash = shownHash(call.approval_hash ?? '')
  const decided = { ...callData(call), approvalId, callHash, decision: decision.decision, by: decision.by }
  const decidedTask = await writeTask(transaction, task, { events: [{ type: 'approval-decided', data: decided }] })
  if (task.parent_id !== null) await tellParent(transaction, task.parent_id, { ...decided, subtaskId: taskId })
  if (decision.decision === 'approve') return decision.decision
  const error = `The requester rejected this call.${decision.comment ? ` ${decision.comment}` : ''}`
  await transaction.query(
    `update tool_call set state = 'finished', response = $3, summary = 'rejected', finished_at = now()
     where task_id = $1 and approval_id = $2`,
    [taskId, approvalId, JSON.stringify({ error })],
  )
  await writeTask(transaction, decidedTask, {
    events: [calledEvent(call), { type: 'tool-finished', data: { ...callData(call), ok: false, summary: 'rejected' } }],
  })
  return decision.decision
}

/** Whoever was shown the approval at the whole is told there how it was decided. */
async function tellParent(
  transaction: Transaction,
  parentId: string,
  data: Readonly<Record<string, unknown>>,
): Promise<void> {
  const parent = await lockTask(transaction, parentId)
  if (!isFinal(parent.state)) await writeTask(transaction, parent, { events: [{ type: 'approval-decided', data }] })
}
