import { ulid } from 'ulidx'
import type { ModelPart } from '../../domain/conversation.ts'
import type { TaskEventType } from '../../domain/events.ts'
import type { Acceptance, Fence, Store, ToolCall } from '../../domain/ports/store.ts'
import type { TaskRequest, TaskState } from '../../domain/task.ts'
import type { Understanding } from '../../domain/understanding.ts'

/** A request as a channel hands it over; every call is another request. */
export function acceptance(overrides: Partial<Acceptance> = {}, request: Partial<TaskRequest> = {}): Acceptance {
  return {
    ...{ id: `task-${ulid()}`, channel: 'api', tenant: 'default', requester: 'key:1', key: ulid(), digest: 'd1' },
    request: { prompt: 'Fix the parser', ...request },
    ...overrides,
  }
}

const WAY: readonly TaskState[] = ['understanding', 'queued', 'building', 'verifying', 'delivering', 'completed']

/** A task that went its happy way up to a state, on seat 1 of builder `b1` from `building` on. */
export async function taskIn(store: Store, state: TaskState, request: Partial<TaskRequest> = {}): Promise<Fence> {
  return broughtTo(store, (await store.tasks.accept(acceptance({}, request))).task.id, state)
}

/** A part of that task, in a state on its way as well. */
export async function partIn(store: Store, whole: string, state: TaskState): Promise<Fence> {
  const [part] = await store.tasks.divide({ taskId: whole, subtasks: partsFor(1) })
  return broughtTo(store, part?.id ?? '', state)
}

async function broughtTo(store: Store, taskId: string, state: TaskState): Promise<Fence> {
  const change = { builder: { id: 'b1', seat: 1, attempt: 1 } }
  for (const to of WAY.slice(0, WAY.indexOf(state) + 1))
    await store.tasks.move({ taskId, to, ...(to === 'building' && { change }) })
  return { taskId, seat: 1 }
}

/** So many parts of a task, as `divide` takes them; every call gives others. */
export const partsFor = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    id: `task-${ulid()}`,
    request: { prompt: `Do ${index}`, title: `Part ${index}` },
    understanding: PART_UNDERSTANDING,
  }))

export const PART_UNDERSTANDING: Understanding = {
  ...{ title: 'Part', kind: 'code', summary: 'A part', priority: 3, risk: 'low', needsRepository: true },
}

type PlannedCall = Omit<ToolCall, 'state' | 'turn' | 'approvalId'>

/** A call as `finishTurn` takes it. */
export const call = (position: number, overrides: Partial<PlannedCall> = {}): PlannedCall => ({
  ...{ position, id: `c${position}`, name: 'read_file', args: { z: 1, a: 2 }, decision: 'allow' },
  ...overrides,
})

export const USAGE = { inputTokens: 100, outputTokens: 10, thoughtTokens: 5, cachedTokens: 20 }
/** What an answered turn carries beside its parts and calls. */
export const ANSWERED = { model: 'm', finishReason: 'STOP', usage: USAGE, usd: 0.25 }

/** The model part of a call. */
export const partOf = ({ id, name, args }: PlannedCall): ModelPart => ({ functionCall: { id, name, args } })

/** Begins a turn and answers it with these calls, or with text when there are none. */
export async function answeredTurn(
  store: Store,
  at: Fence & { readonly turn?: number },
  calls: readonly PlannedCall[] = [],
): Promise<Fence & { readonly turn: number }> {
  const step = { turn: 1, ...at }
  const parts = calls.length > 0 ? calls.map(partOf) : [{ text: 'Done.' }]
  await store.conversations.beginTurn(step)
  await store.conversations.finishTurn({ ...step, ...ANSWERED, parts, calls })
  return step
}

/** Runs a call to its end. */
export async function finishedCall(
  store: Store,
  at: Fence & { readonly turn: number; readonly position: number },
  response: Readonly<Record<string, unknown>> = { output: 'ok' },
): Promise<void> {
  await store.conversations.beginTool(at)
  await store.conversations.finishTool({ ...at, response, ok: true, summary: 'done' })
}

/** The types of a task's events, in order; throws when their numbers have a gap. */
export async function eventTypes(store: Store, taskId: string): Promise<readonly TaskEventType[]> {
  const events = await store.tasks.events({ taskId, after: 0, limit: 10_000 })
  if (events.some(({ sequence }, index) => sequence !== index + 1))
    throw new Error(`gap in ${events.map(({ sequence }) => sequence).join()}`)
  return events.map(({ type }) => type)
}
