import type { Pool } from 'pg'
import { GatewayError } from '../../domain/errors.ts'
import type { ModelPart } from '../../domain/conversation.ts'
import type { ConversationStore, ToolCall } from '../../domain/ports/store.ts'
import { acceptsSteering, isFinal } from '../../domain/task.ts'
import { createApprovals } from './approvals.ts'
import { callValues, RECORD_CALL } from './payments.ts'
import { CALL_COLUMNS, callOf, type ToolCallRow } from './tool-call-rows.ts'
import { lockTask, noteEvents, type TaskRow } from './task-rows.ts'
import { storableText } from './storable-text.ts'
import { takenOnce } from './taken-messages.ts'
import { createToolCalls } from './tool-calls.ts'
import { inTransaction, type Reader, type Transaction } from './transaction.ts'
import { transcript } from './transcript.ts'
import { createTurns } from './turns.ts'

type Said = Parameters<ConversationStore['receive']>[0]

/** A turn without calls ends the run, and so does one that completes the task. */
const ENDS_RUN = `coalesce((
  select bool_or(c.name = 'complete_task') from tool_call c where c.task_id = t.task_id and c.turn = number), true)`

/** Turns, tool calls, messages and approvals in PostgreSQL. */
export function createConversationStore(pool: Pool): ConversationStore {
  return {
    ...createTurns(pool),
    ...createToolCalls(pool),
    ...createApprovals(pool),
    async recordCall(call) {
      const { rowCount } = await pool.query(RECORD_CALL, callValues(call))
      if (rowCount === 0) throw new GatewayError('not_found', `There is no task ${call.taskId}.`)
    },
    async nextTurn(taskId) {
      const { rows } = await pool.query<{ next: number }>(
        `select case
           when parts is null or exists (
             select 1 from tool_call c where c.task_id = t.task_id and c.turn = number and c.state <> 'finished') then number
           when ${ENDS_RUN} and not exists (select 1 from message where task_id = t.task_id and turn is null) then number
           else number + 1 end as next
         from turn t where task_id = $1 order by number desc limit 1`,
        [taskId],
      )
      return rows[0]?.next ?? 1
    },
    receive: (message) =>
      inTransaction(pool, async (transaction) => {
        const task = await lockTask(transaction, message.taskId)
        return takenOnce(transaction, message, () => receive(transaction, task, message))
      }),
    keep: (message) =>
      inTransaction(pool, async (transaction) => {
        const task = await lockTask(transaction, message.taskId)
        if (!isFinal(task.state))
          await takenOnce(transaction, message, () => Promise.resolve(keep(transaction, message)))
      }),
    tell: (message) =>
      inTransaction(pool, async (transaction) => {
        await lockTask(transaction, message.taskId)
        await takenOnce(transaction, message, () => Promise.resolve(tell(transaction, message)))
      }),
    async unread(taskId) {
      const { rows } = await pool.query<{ text: string }>(
        `select text from message where task_id = $1 and turn is null and author <> 'gateway' order by number`,
        [taskId],
      )
      return rows.map((row) => row.text)
    },
    lastWords: (taskId) => lastWords(pool, taskId),
    transcript: (taskId) => transcript(pool, taskId),
  }
}

async function lastWords(pool: Pool, taskId: string): Promise<string> {
  const { rows } = await pool.query<{ parts: ModelPart[] }>(
    'select parts from turn where task_id = $1 and parts is not null order by number desc limit 1',
    [taskId],
  )
  const parts = rows[0]?.parts ?? []
  const summary = parts.find((part) => part.functionCall?.name === 'complete_task')?.functionCall?.args?.['summary']
  if (typeof summary === 'string' && summary.trim() !== '') return storableText(summary).trim()
  const text = parts.filter((part) => part.thought !== true).map((part) => part.text ?? '')
  return storableText(text.join('')).trim()
}

function tell(transaction: Transaction, { taskId, text }: { taskId: string; text: string }): 'told' {
  const values = [taskId, storableText(text)]
  transaction.write(`insert into message (task_id, author, text) values ($1, 'gateway', $2)`, values)
  touch(transaction, taskId)
  return 'told'
}

/** Who began a turn, or ended the building, by what was said until then must find out: the task is written to as well. */
function touch(transaction: Transaction, taskId: string): void {
  transaction.write('update task set updated_at = now() where id = $1', [taskId])
}

function say(transaction: Transaction, { taskId, from, text, attachment }: Said, turn: number | null = null): void {
  transaction.write(
    `insert into message (task_id, author, text, attachment, turn)
     values ($1, $2, $3, (select message from attachment where message = $4), $5)`,
    [taskId, from, text, attachment ?? null, turn],
  )
}

function keep(transaction: Transaction, message: Said): 'kept' {
  say(transaction, message, 1)
  return 'kept'
}

async function receive(transaction: Transaction, task: TaskRow, said: Said): Promise<'answer' | 'steer'> {
  const { taskId, text, attachment } = said
  if (!acceptsSteering(task.state))
    throw new GatewayError('conflict', `${taskId} is ${task.state} and takes no more text. Send it as a new task.`)
  if (task.state === 'awaiting_input') {
    const call = await openQuestion(transaction, task)
    if (call) {
      transaction.write(
        `update tool_call set state = 'finished', response = $4, summary = 'answered', finished_at = now()
         where task_id = $1 and turn = $2 and position = $3`,
        [taskId, call.turn, call.position, JSON.stringify({ output: text })],
      )
      const data = {
        turn: call.turn,
        position: call.position,
        callId: call.id,
        name: call.name,
        ok: true,
        summary: 'answered',
      }
      noteEvents(transaction, taskId, [{ type: 'tool-finished', data }])
      // A function's response is JSON: the file stands right after it.
      if (attachment !== undefined) say(transaction, { ...said, text: 'This file came with the answer.' })
      return 'answer'
    }
  }
  say(transaction, said)
  touch(transaction, taskId)
  return task.state === 'awaiting_input' ? 'answer' : 'steer'
}

/** The `ask_user` call that waits; none when the question is the understanding step's. */
async function openQuestion(reader: Reader, task: TaskRow): Promise<ToolCall | undefined> {
  const { rows } = await reader.query<ToolCallRow>(
    `select ${CALL_COLUMNS} from tool_call where task_id = $1 and state = 'running' and name = 'ask_user' order by turn desc limit 1`,
    [task.id],
  )
  return rows[0] && callOf(rows[0])
}
