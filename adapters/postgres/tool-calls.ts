import type { Pool } from 'pg'
import type { ConversationStore, Fence, ToolStart } from '../../domain/ports/store.ts'
import { subtaskLines } from '../../domain/subtasks.ts'
import type { PlanItem } from '../../domain/task.ts'
import { summarise } from '../../domain/tools/summarise.ts'
import { checkpointSaved } from './artifacts.ts'
import { assertSeat, fenced, FENCED } from './fence.ts'
import { storableText } from './storable-text.ts'
import { eventsOf, WATCHERS_WOKEN } from './task-rows.ts'
import { CALL_COLUMNS, CALL_DATA, callOf, loadCall, type ToolCallRow } from './tool-call-rows.ts'

type At = Fence & { readonly turn: number; readonly position: number }
type FinishTool = Parameters<ConversationStore['finishTool']>[0]

/** Starting and finishing tool calls: each `tool-called` has its one `tool-finished`, whoever repeats it. */
export function createToolCalls(pool: Pool): Pick<ConversationStore, 'beginTool' | 'finishTool' | 'call'> {
  return {
    call: async (at) => callOf(await loadCall(pool, at)),
    beginTool: (request) => fenced(pool, request, () => beginTool(pool, request)),
    finishTool: async (request) => {
      await fenced(pool, request, () => finishTool(pool, request))
    },
  }
}

/** Events of a call, with the column of their data. */
const CALLED = ['tool-called', 'called'] as const
const FINISHED = ['tool-finished', 'finished'] as const

/** Begins a call that waits, and gives it. One that an older gateway has planned has no summary. */
const BEGIN_CALL = `
  with ${FENCED},
  begun as (
    update tool_call set state = 'running', started_at = now() from (select id as seated from fenced) seat
    where task_id = seated and turn = $3 and position = $4 and state = 'pending'
    returning ${CALL_COLUMNS}, json_build_object(${CALL_DATA}, 'summary', coalesce(summary, name)) as called),
  noted as (select task_id as id, called from begun),
  ${eventsOf({ from: 'noted', events: [CALLED] })}
  select ${CALL_COLUMNS}, pg_notify('task_event', task_id) from begun`

/** The call as it is begun; of tries at once one begins it, the others find it running. */
async function beginTool(pool: Pool, at: At): Promise<ToolStart | undefined> {
  const { rows } = await pool.query<ToolCallRow>(BEGIN_CALL, [at.taskId, at.seat, at.turn, at.position])
  if (rows[0]) return { type: 'run', call: callOf(rows[0]), repeated: false }
  await assertSeat(pool, at)
  const call = await loadCall(pool, at)
  if (call.state === 'finished') return { type: 'finished' }
  return call.state === 'running' ? { type: 'run', call: callOf(call), repeated: true } : undefined
}

async function finishTool(pool: Pool, request: FinishTool): Promise<true | undefined> {
  if (await finish(pool, request, request.plan && { lines: request.plan })) return true
  await assertSeat(pool, request)
  const { state } = await loadCall(pool, request)
  if (state === 'finished') return true
  const plan = request.plan && (await replannedBy(pool, request.taskId, request.plan))
  const { unbegun, ...begun } = request
  return (await finish(pool, unbegun && state === 'pending' ? request : begun, plan)) || undefined
}

async function finish(pool: Pool, request: FinishTool, plan: NewPlan | undefined): Promise<boolean> {
  const { rowCount } = await pool.query(...finishing(request, plan))
  return rowCount === 1
}

interface NewPlan {
  readonly lines: readonly PlanItem[]
  /** Of the task whose former plan it comes from; without it the task must have no sub-tasks. */
  readonly version?: string
}

/** The plan of a task whose model plans anew: lines of sub-tasks are not the model's to change. */
async function replannedBy(pool: Pool, taskId: string, own: readonly PlanItem[]): Promise<NewPlan | undefined> {
  const { rows } = await pool.query<{ plan: PlanItem[]; version: string }>(
    'select plan, xmin::text as version from task where id = $1',
    [taskId],
  )
  return rows[0] && { lines: [...subtaskLines(rows[0].plan), ...own], version: rows[0].version }
}

/** Sub-tasks are made before any Builder has the task, and none later. */
const UNDIVIDED = 'not exists (select from task part where part.parent_id = fenced.id)'

/** Result, checkpoint, plan and events in one statement, for a call that is not finished. */
function finishing(request: FinishTool, plan: NewPlan | undefined): [text: string, values: unknown[]] {
  const { summary, output, checkpoint, blocked, unbegun } = request
  const values: unknown[] = [
    ...[request.taskId, request.seat, request.turn, request.position, JSON.stringify(request.response)],
    output === undefined ? null : storableText(output),
    ...[storableText(summary), request.ok, JSON.stringify(summary)],
  ]
  const value = (of: unknown) => `$${values.push(of)}`
  const saved = checkpoint && [checkpoint.commit, checkpoint.tree, checkpoint.bundle].map(value)
  const set = plan ? `, plan = ${value(JSON.stringify(plan.lines))}` : ''
  const stopped = blocked ? `, 'blocked', ${value(JSON.stringify(blocked))}::json` : ''
  const called = unbegun && value(storableText(summarise(unbegun.name, unbegun.args)))
  const text = `
    with ${FENCED},
    finished as (
      update tool_call set state = 'finished', response = $5, output = $6, summary = $7, finished_at = now(),
        started_at = coalesce(started_at, now()) from fenced
      where task_id = fenced.id and tool_call.turn = $3 and position = $4
        and state ${unbegun ? `= 'pending'` : `<> 'finished'`}
        ${plan ? `and ${plan.version === undefined ? UNDIVIDED : `fenced.version = ${value(plan.version)}`}` : ''}
      returning fenced.id, json_build_object(${CALL_DATA}, 'ok', $8::boolean, 'summary', $9::json${stopped}) as finished
        ${called ? `, json_build_object(${CALL_DATA}, 'summary', ${called}::text) as called` : ''}),
    ${saved ? `checkpointed as (${checkpointSaved('finished', saved)}),` : ''}
    ${eventsOf({ from: 'finished', events: called ? [CALLED, FINISHED] : [FINISHED], set })}
    ${WATCHERS_WOKEN}`
  return [text, values]
}
