import type { Pool } from 'pg'
import { GatewayError } from '../../domain/errors.ts'
import { LOOPING_CALLS } from '../../domain/limits.ts'
import type { ModelPart } from '../../domain/conversation.ts'
import type { ConversationStore, Fence, ToolCall, Turn, TurnStart } from '../../domain/ports/store.ts'
import { acceptsSteering, isFinal } from '../../domain/task.ts'
import { createApprovals } from './approvals.ts'
import { contentsBefore } from './contents.ts'
import { CALL_COLUMNS, callOf, type ToolCallRow } from './tool-call-rows.ts'
import { dollars, lockFenced, lockTask, noteEvents, type TaskRow } from './task-rows.ts'
import { budgetFor } from './subtasks.ts'
import { storableText } from './storable-text.ts'
import { takenOnce } from './taken-messages.ts'
import { createToolCalls } from './tool-calls.ts'
import { inTransaction, type Reader, type Transaction } from './transaction.ts'
import { transcript } from './transcript.ts'

type Said = Parameters<ConversationStore['receive']>[0]
type FinishTurn = Parameters<ConversationStore['finishTurn']>[0]
type RecordCall = Parameters<ConversationStore['recordCall']>[0]

/** A turn without calls ends the run, and so does one that completes the task. */
const ENDS_RUN = `coalesce((
  select bool_or(c.name = 'complete_task') from tool_call c where c.task_id = t.task_id and c.turn = number), true)`

/** Turns, tool calls, messages and approvals in PostgreSQL. */
export function createConversationStore(pool: Pool): ConversationStore {
  return {
    ...createToolCalls(pool),
    ...createApprovals(pool),
    beginTurn: (request) => inTransaction(pool, (transaction) => beginTurn(transaction, request)),
    recordCall: (call) =>
      inTransaction(pool, async (transaction) => {
        // A sub-task before its whole, as everybody locks them: the statement alone takes them as it finds them.
        await lockTask(transaction, call.taskId)
        transaction.write(RECORD_CALL, callValues(call))
      }),
    finishTurn: (request) => inTransaction(pool, (transaction) => finishTurn(transaction, request)),
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

/** The call the model has made again and again since somebody last said something, if it has. */
const REPEATED_CALL = `
  with said as (select coalesce(max(coalesce(turn, 1000000)), 0) as turn from message where task_id = $1),
  latest as (
    select name, args, response from tool_call c, said
    where task_id = $1 and c.turn >= said.turn and state = 'finished' order by c.turn desc, position desc limit $2)
  select name, (array_agg(args))[1] as args from latest
  group by name, args::text, response::text having count(*) = $2`

interface TurnRow {
  number: number
  model: string
  parts: ModelPart[] | null
}

async function beginTurn(transaction: Transaction, { turn, ...fence }: Fence & { turn: number }): Promise<TurnStart> {
  const { taskId } = fence
  const [task, known, repeated] = await Promise.all([
    lockFenced(transaction, fence),
    transaction.query<TurnRow>('select number, model, parts from turn where task_id = $1 and number = $2', [
      taskId,
      turn,
    ]),
    transaction.query<Pick<ToolCall, 'name' | 'args'>>(REPEATED_CALL, [taskId, LOOPING_CALLS]),
  ])
  const row = known.rows[0]
  if (row?.parts)
    return {
      type: 'answered',
      turn: await turnOf(transaction, { ...row, taskId }),
      spentUsd: dollars(task.usd),
    }
  if (turn > task.max_turns) return { type: 'turns-reached', maxTurns: task.max_turns }
  const { spentUsd, budgetUsd } = await budgetFor(transaction, task)
  if (budgetUsd !== null && spentUsd >= budgetUsd) return { type: 'budget-reached', spentUsd, budgetUsd }
  const [loop] = row ? [] : repeated.rows
  if (loop) return { type: 'looping', call: loop }
  transaction.write('update message set turn = $2 where task_id = $1 and turn is null', [taskId, turn])
  if (!row) {
    transaction.write('insert into turn (task_id, number) values ($1, $2)', [taskId, turn])
    noteEvents(transaction, task, { events: [{ type: 'turn-started', data: { turn } }], turn })
  }
  return { type: 'ready', contents: await contentsBefore(transaction, { taskId, turn }) }
}

async function turnOf(reader: Reader, row: TurnRow & { taskId: string }): Promise<Turn> {
  const { number, model, parts, taskId } = row
  return { number, model, parts: parts ?? [], calls: await callsOf(reader, { taskId, turn: number }) }
}

async function callsOf(reader: Reader, at: { taskId: string; turn: number }): Promise<readonly ToolCall[]> {
  const { rows } = await reader.query<ToolCallRow>(
    `select ${CALL_COLUMNS} from tool_call where task_id = $1 and turn = $2 order by position`,
    [at.taskId, at.turn],
  )
  return rows.map(callOf)
}

/** The first answer of a turn stays; its calls come with it or not at all. */
const ANSWER_TURN = `
  with answered as (
    update turn set model = $3, parts = $4, finish_reason = $5, answered_at = now()
    where task_id = $1 and number = $2 and parts is null returning 1)
  insert into tool_call (task_id, turn, position, id, name, args, decision)
  select $1, $2, c.* from unnest($6::int[], $7::text[], $8::text[], $9::json[], $10::text[]) as c
  where exists (select from answered)`

async function finishTurn(transaction: Transaction, request: FinishTurn): ReturnType<ConversationStore['finishTurn']> {
  await lockFenced(transaction, request)
  const { taskId, turn, calls } = request
  transaction.write(ANSWER_TURN, [
    ...[taskId, turn, request.model, JSON.stringify(request.parts), request.finishReason],
    calls.map((call) => call.position),
    calls.map((call) => call.id),
    calls.map((call) => call.name),
    calls.map((call) => JSON.stringify(call.args)),
    calls.map((call) => call.decision),
  ])
  const [{ rows }, stored] = await Promise.all([
    transaction.query<{ id: string; usd: number }>(RECORD_CALL, callValues(request)),
    callsOf(transaction, { taskId, turn }),
  ])
  return { calls: stored, spentUsd: dollars(rows.find(({ id }) => id === taskId)?.usd ?? 0) }
}

/** Notes a paid call and adds it to the sums of its task and of the task that one is a part of. */
const RECORD_CALL = `
  with call as (insert into model_call (task_id, turn, model, usage, usd) values ($1, $2, $3, $4, $5))
  update task set usd = usd + $5, model_calls = model_calls + 1, input_tokens = input_tokens + $6,
    output_tokens = output_tokens + $7, thought_tokens = thought_tokens + $8, cached_tokens = cached_tokens + $9
  where id = any (array[$1, (select parent_id from task where id = $1)]) returning id, usd`

const callValues = ({ taskId, turn, model, usage, usd }: RecordCall): unknown[] => [
  taskId,
  turn,
  model,
  JSON.stringify(usage),
  usd,
  usage.inputTokens,
  usage.outputTokens,
  usage.thoughtTokens,
  usage.cachedTokens,
]

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
  return 'told'
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
      noteEvents(transaction, task, { events: [{ type: 'tool-finished', data }] })
      // A function's response is JSON: the file stands right after it.
      if (attachment !== undefined) say(transaction, { ...said, text: 'This file came with the answer.' })
      return 'answer'
    }
  }
  say(transaction, said)
  transaction.write('update task set updated_at = now() where id = $1', [taskId])
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
