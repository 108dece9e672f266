import { setTimeout as delay } from 'node:timers/promises'
import { GatewayError } from '../../domain/errors.ts'
import type { TaskView } from '../../domain/schemas/task.ts'
import { isFinal, type TaskRequest } from '../../domain/task.ts'
import type { ScriptedTask } from '../../simulators/gemini/script.ts'
import { allPages } from '../pages.ts'
import type { Stage } from '../stage.ts'

export const LOOK_EVERY_MS = 100

/** A task with a set of effects, the same every time it is lived. */
export interface Life {
  /** What the model does for it. */
  readonly play: (key: string) => readonly ScriptedTask[]
  /** Sends the task, once, and gives its id. */
  readonly begin: (stage: Stage, key: string, signal: AbortSignal) => Promise<string>
  /** What its requester does when the task is seen like this. */
  readonly attend: (stage: Stage, task: TaskView) => Promise<void>
  /** Whether its requester has heard of the end, where somebody is told. */
  readonly isTold?: (task: TaskView) => boolean
}

/** Text of the prompt that no other task of a run has. */
export const markOf = (key: string): string => `Crash ${key}:`

/** A call as the scripted model makes it. */
export const call = (name: string, args: Record<string, unknown>) => ({ name, args })

/** Sends a task by the API. */
export async function submit(stage: Stage, key: string, body: TaskRequest): Promise<string> {
  const headers = { 'idempotency-key': `${stage.run}-${key}` }
  const { id } = await stage.api.ask((client) => client.json<TaskView>('POST', '/v1/tasks', { body, headers }))
  return id
}

/** Every task that was made of a request. */
export async function tasksOf({ api }: Stage, key: string): Promise<readonly TaskView[]> {
  const tasks = await allPages<TaskView>(api, '/v1/tasks')
  return tasks.filter(({ prompt, parentId }) => parentId === undefined && prompt.startsWith(markOf(key)))
}

/** Attends to a task until it has ended. */
export async function liveThrough(
  stage: Stage,
  { life, id, signal }: { readonly life: Life; readonly id: string; readonly signal: AbortSignal },
): Promise<TaskView> {
  for (;;) {
    const task = await stage.api.ask((client) => client.json<TaskView>('GET', `/v1/tasks/${id}`))
    if (isFinal(task.state) && (life.isTold?.(task) ?? true)) return task
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
