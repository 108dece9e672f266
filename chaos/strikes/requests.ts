import { setTimeout as delay } from 'node:timers/promises'
import type { TaskView } from '../../domain/schemas/task.ts'
import type { Fault as ModelFault } from '../../simulators/gemini/script.ts'
import type { PlannedStrike } from '../plan.ts'
import type { GitOrder } from '../remotes.ts'
import type { Stage } from '../stage.ts'
import { aimed, type Hit } from './victim.ts'

/** A fault of single requests waits so long for one. */
const TAKEN_LIMIT_MS = 20_000
const LOOK_EVERY_MS = 100

/** The next requests to the model fail. Over when they have. */
export async function failModel({ simulator }: Stage, { times }: PlannedStrike, fault: ModelFault): Promise<Hit> {
  const failed = () => simulator.ledger.filter((entry) => entry.fault === fault).length
  const before = failed()
  simulator.failNext(fault, times)
  for (let waited = 0; waited < TAKEN_LIMIT_MS && failed() < before + times; waited += LOOK_EVERY_MS)
    await delay(LOOK_EVERY_MS)
  const hits = failed() - before
  return hits === 0 ? {} : { victim: `${hits} requests` }
}

/** The next push meets a remote in trouble. */
export async function troubleGit({ remotes }: Stage, { forMs }: PlannedStrike, order: GitOrder): Promise<Hit> {
  await remotes.order(order, Math.ceil(forMs / 1_000))
  for (let waited = 0; waited < TAKEN_LIMIT_MS; waited += LOOK_EVERY_MS) {
    await delay(LOOK_EVERY_MS)
    if (await remotes.isTaken(order)) {
      await delay(forMs)
      return { victim: 'a push' }
    }
  }
  return (await remotes.withdraw(order)) ? {} : { victim: 'a push' }
}

/** Pauses a task at work, and lets it go on. */
export async function pauseTask({ api }: Stage, { aim, forMs }: PlannedStrike): Promise<Hit> {
  const task = await atWork(api, aim)
  if (!task) return {}
  const send = (verb: string) =>
    api
      .ask((client) => client.json('POST', `/v1/tasks/${task.id}/${verb}`))
      .then(
        () => true,
        // It ended, or went on to where it cannot be paused.
        () => false,
      )
  const paused = await send('pause')
  await delay(forMs)
  await send('resume')
  return paused ? { victim: task.id, tasks: [task.id] } : {}
}

/** One of the tasks at work; waits a while for it. */
async function atWork(api: Stage['api'], aim: number): Promise<TaskView | undefined> {
  for (let waited = 0; waited < TAKEN_LIMIT_MS; waited += LOOK_EVERY_MS) {
    const { items } = await api.ask((client) =>
      client.json<{ readonly items: readonly TaskView[] }>('GET', '/v1/tasks?state=building'),
    )
    const task = aimed(items, aim)
    if (task) return task
    await delay(LOOK_EVERY_MS)
  }
  return undefined
}
