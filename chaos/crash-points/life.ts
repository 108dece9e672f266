import { setTimeout as delay } from 'node:timers/promises'
import { GatewayError } from '../../domain/errors.ts'
import type { TaskView } from '../../domain/schemas/task.ts'
import { isFinal, type TaskRequest } from '../../domain/task.ts'
import type { ScriptedTask } from '../../simulators/gemini/script.ts'
import type { Stage } from '../stage.ts'

const LOOK_EVERY_MS = 100

/** A task with a set of effects, the same every time it is lived. */
export interface Life {
  /** What the model does for it. */
  readonly play: (key: string) => readonly ScriptedTask[]
  readonly request: (stage: Stage, key: string) => Promise<TaskRequest>
  /** What its requester does when the task is seen like this. */
  readonly attend: (stage: Stage, task: TaskView) => Promise<void>
}

/** Text of the prompt that no other task of a run has. */
export const markOf = (key: string): string => `Crash ${key}:`

/** A call as the scripted model makes it. */
export const call = (name: string, args: Record<string, unknown>) => ({ name, args })

/** Sends a task, once, and gives its id. */
export async function begin(stage: Stage, life: Life, key: string): Promise<string> {
  const body = await life.request(stage, key)
  const headers = { 'idempotency-key': `${stage.run}-${key}` }
  const { id } = await stage.api.ask((client) => client.json<TaskView>('POST', '/v1/tasks', { body, headers }))
  return id
}

/** Attends to a task until it has ended. */
export async function liveThrough(
  stage: Stage,
  { life, id, signal }: { readonly life: Life; readonly id: string; readonly signal: AbortSignal },
): Promise<TaskView> {
  for (;;) {
    const task = await stage.api.ask((client) => client.json<TaskView>('GET', `/v1/tasks/${id}`))
    if (isFinal(task.state)) return task
    await life.attend(stage, task)
    await delay(LOOK_EVERY_MS, undefined, { signal })
  }
}

/** False when the task had moved on, or the answer to an earlier try was lost and it is done already. */
export async function said({ api }: Stage, path: string, body?: object): Promise<boolean> {
  try {
    await api.ask((client) => client.json('POST', path, body && { body }))
    return true
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'conflict') return false
    throw error
  }
}
