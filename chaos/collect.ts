import type { EventView } from '../cli/client.ts'
import type { TaskView } from '../domain/schemas/task.ts'
import type { EndedTask } from './observations.ts'
import { allPages } from './pages.ts'
import type { Stage } from './stage.ts'

const AT_ONCE = 8

/** What a task left behind. */
export interface Kept {
  readonly key: string
  readonly task: TaskView
}

/** Everything the gateway and the remotes say about tasks that have ended. */
export async function collectTasks(stage: Stage, kept: readonly Kept[]): Promise<readonly EndedTask[]> {
  const waiting = [...kept]
  const collected: EndedTask[] = []
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) collected.push(await collect(stage, next))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return collected
}

async function collect(stage: Stage, { key, task }: Kept): Promise<EndedTask> {
  const { api, remotes } = stage
  const { id, state, result, error, cost } = task
  const events = await allPages<EventView>(api, `/v1/tasks/${id}/events`)
  const text = (what: string) => api.ask((client) => client.text(`/v1/tasks/${id}/${what}`)).catch(() => undefined)
  const [receipt, patch] = state === 'completed' ? [await text('receipt'), await text('patch')] : []
  const patchedTree = patch === undefined ? undefined : await remotes.treeWith(key, patch)
  const branchTree = result?.branch === undefined ? undefined : await remotes.treeOf(key, result.branch)
  return {
    ...{ id, state, events, modelCalls: cost.modelCalls },
    ...(result && { verdict: result.verdict }),
    ...(result?.commit !== undefined && { commit: result.commit }),
    ...(result?.branch !== undefined && { branch: result.branch }),
    ...(error && { errorCode: error.code }),
    ...(receipt !== undefined && { receipt }),
    ...(patchedTree !== undefined && { patchedTree }),
    ...(branchTree !== undefined && { branchTree }),
  }
}
