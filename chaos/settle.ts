import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import { SILENCE_LIMIT_MS } from '../adapters/gemini/gemini-client.ts'
import type { TaskView } from '../domain/schemas/task.ts'
import { isFinal } from '../domain/task.ts'
import { allPages } from './pages.ts'
import type { Stage } from './stage.ts'

const LOOK_EVERY_MS = 500
/** Nothing of the product waits longer without a sign of life than for a silent model; then it has a minute to go on. */
const STUCK_MS = SILENCE_LIMIT_MS + 60_000
const CLOSE_LIMIT_MS = 15_000

/** Waits until all tasks have ended, or nothing has moved for too long. Gives the tasks. */
export async function untilEnded(stage: Stage, signal: AbortSignal): Promise<readonly TaskView[]> {
  let last = ''
  let movedAt = Date.now()
  for (;;) {
    const tasks = await allPages<TaskView>(stage.api, '/v1/tasks')
    const now = JSON.stringify(tasks.map(({ id, updatedAt }) => [id, updatedAt]))
    if (now !== last) movedAt = Date.now()
    last = now
    if (tasks.every(({ state }) => isFinal(state)) || Date.now() - movedAt > STUCK_MS) return tasks
    await delay(LOOK_EVERY_MS, undefined, { signal })
  }
}

/** How many executions stay open, past the moment a workflow needs after its last event. */
export async function openWorkflows({ workflow }: Client): Promise<number> {
  const deadline = Date.now() + CLOSE_LIMIT_MS
  for (;;) {
    const { count } = await workflow.count('ExecutionStatus = "Running"')
    if (count === 0 || Date.now() > deadline) return count
    await delay(LOOK_EVERY_MS)
  }
}
