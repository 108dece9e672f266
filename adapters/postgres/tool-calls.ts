import type { Pool } from 'pg'
import type { ConversationStore, Fence, ToolStart } from '../../domain/ports/store.ts'
import { storableText } from './storable-text.ts'
import { writeCheckpoint } from './artifacts.ts'
import { lockFenced, noteEvents } from './task-rows.ts'
import { replannedBy } from './subtasks.ts'
import { callData, calledEvent, callOf, loadCall } from './tool-call-rows.ts'
import { inTransaction, type Transaction } from './transaction.ts'

type FinishTool = Parameters<ConversationStore['finishTool']>[0]

/** Starting and finishing tool calls: each `tool-called` has its one `tool-finished`, whoever repeats it. */
export function createToolCalls(pool: Pool): Pick<ConversationStore, 'beginTool' | 'finishTool' | 'call'> {
  return {
    call: async (at) => callOf(await loadCall(pool, at)),
    beginTool: (request) => inTransaction(pool, (transaction) => beginTool(transaction, request)),
    finishTool: (request) => inTransaction(pool, (transaction) => finishTool(transaction, request)),
  }
}

async function beginTool(
  transaction: Transaction,
  request: Fence & { readonly turn: number; readonly position: number },
): Promise<ToolStart> {
  const [task, call] = await Promise.all([lockFenced(transaction, request), loadCall(transaction, request)])
  if (call.state === 'finished') return { type: 'finished' }
  if (call.state === 'pending') {
    transaction.write(
      `update tool_call set state = 'running', started_at = now() where task_id = $1 and turn = $2 and position = $3`,
      [request.taskId, request.turn, request.position],
    )
    noteEvents(transaction, task, { events: [calledEvent(call)] })
  }
  return { type: 'run', call: callOf(call), repeated: call.state === 'running' }
}

async function finishTool(transaction: Transaction, request: FinishTool): Promise<void> {
  const [task, call, plan] = await Promise.all([
    lockFenced(transaction, request),
    loadCall(transaction, request),
    request.plan && replannedBy(transaction, request.taskId, request.plan),
  ])
  if (call.state === 'finished') return
  transaction.write(
    `update tool_call set state = 'finished', response = $4, output = $5, summary = $6, finished_at = now()
     where task_id = $1 and turn = $2 and position = $3`,
    [
      request.taskId,
      request.turn,
      request.position,
      JSON.stringify(request.response),
      request.output === undefined ? null : storableText(request.output),
      storableText(request.summary),
    ],
  )
  if (request.checkpoint) writeCheckpoint(transaction, request.taskId, request.checkpoint)
  if (plan) transaction.write('update task set plan = $2 where id = $1', [task.id, JSON.stringify(plan)])
  const { ok, summary, blocked } = request
  const data = { ...callData(call), ok, summary, ...(blocked && { blocked }) }
  noteEvents(transaction, task, { events: [{ type: 'tool-finished', data }] })
}
