import { setTimeout as delay } from 'node:timers/promises'
import { GatewayError } from '../domain/errors.ts'
import { isFinal } from '../domain/task.ts'
import type { TaskView } from '../domain/schemas/task.ts'
import type { Acceptance, StrikeRecord } from './observations.ts'
import type { PlannedTask } from './plan.ts'
import { killHolders } from './poison.ts'
import { requestOf } from './script.ts'
import type { Stage } from './stage.ts'

const LOOK_EVERY_MS = 150

/** What came of sending the tasks of a plan. */
export interface Submitted {
  readonly acceptances: readonly Acceptance[]
  /** Keys of tasks whose cancellation was accepted. */
  readonly cancelled: readonly string[]
  /** Builders that poison cost their life. */
  readonly kills: readonly StrikeRecord[]
}

/** Sends the tasks at their times, each as often as planned, and cancels those that are to be cancelled. */
export async function submitAll(stage: Stage, tasks: readonly PlannedTask[], signal: AbortSignal): Promise<Submitted> {
  const began = Date.now()
  const acceptances: Acceptance[] = []
  const cancelled: string[] = []
  const kills: StrikeRecord[] = []
  const submit = async (task: PlannedTask) => {
    await delay(Math.max(0, began + task.submitAtMs - Date.now()), undefined, { signal })
    const url = await stage.remotes.add(task.key)
    const body = requestOf(task, { url, run: stage.run })
    const headers = { 'idempotency-key': `${stage.run}-${task.key}` }
    const post = async () => {
      const { id } = await stage.api.ask((client) => client.json<TaskView>('POST', '/v1/tasks', { body, headers }))
      acceptances.push({ key: task.key, taskId: id })
      return id
    }
    const [id = ''] = await Promise.all(Array.from({ length: task.posts }, post))
    if (task.shape === 'poison') kills.push(...(await killHolders(stage, id, signal)))
    if (task.cancelAtTurn !== undefined && (await cancel(stage, id, { turn: task.cancelAtTurn, signal })))
      cancelled.push(task.key)
  }
  await Promise.all(tasks.map(submit))
  return { acceptances, cancelled, kills }
}

/** Waits for a turn, then cancels; false when it was too late. */
async function cancel(
  { api }: Stage,
  id: string,
  { turn, signal }: { readonly turn: number; readonly signal: AbortSignal },
): Promise<boolean> {
  for (;;) {
    const task = await api.ask((client) => client.json<TaskView>('GET', `/v1/tasks/${id}`))
    if (isFinal(task.state)) return false
    if (task.progress.turn >= turn) break
    await delay(LOOK_EVERY_MS, undefined, { signal })
  }
  try {
    await api.ask((client) => client.json('POST', `/v1/tasks/${id}/cancel`))
    return true
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'conflict') throw error
    // Too late, or the answer to an earlier try was lost: then it stands as cancelled.
    const { state } = await api.ask((client) => client.json<TaskView>('GET', `/v1/tasks/${id}`))
    return state === 'cancelled'
  }
}
