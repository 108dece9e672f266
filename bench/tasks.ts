import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { readTask } from '../cli/client.ts'
import type { TaskView } from '../domain/schemas/task.ts'
import type { TaskRequest } from '../domain/task.ts'
import type { EngineeringTask } from '../fixtures/load-task.ts'
import { materialise } from '../fixtures/materialise.ts'
import type { TaskOutcome } from '../workflows/messages.ts'
import type { BareJob } from './bare/job.ts'
import type { Stage } from './stage.ts'

/** A request with a repository of its own, so that no job profits from another's clone. */
export async function requestFor(stage: Stage, task: EngineeringTask, prompt = task.prompt): Promise<TaskRequest> {
  const repository = join(await stage.folder(), 'remote')
  await materialise(task, repository)
  const commands = task.command === undefined ? [] : [task.command]
  return {
    prompt,
    kind: 'code',
    repository: { url: pathToFileURL(repository).href },
    acceptance: { commands, protectedPaths: task.tests },
  }
}

/** The same job for the bare agent, on a repository of its own as well. */
export async function bareJobFor(stage: Stage, task: EngineeringTask): Promise<BareJob> {
  const directory = await stage.folder()
  const repository = join(directory, 'remote')
  await materialise(task, repository)
  const { prompt, command: check = 'true' } = task
  return { type: 'job', simulator: stage.simulator, prompt, repository, directory, check }
}

/** Sends a request; the time is that of the answer. */
export async function submit(stage: Stage, request: TaskRequest) {
  const { id } = await stage.client.json<TaskView>('POST', '/v1/tasks', { body: request })
  return { id, answeredAt: Date.now() }
}

/** Waits for a task's end as its events tell it. Throws when it did not complete. */
export async function completed(stage: Stage, id: string): Promise<TaskView> {
  for await (const event of stage.client.events(id)) if (event.type === 'task-ended') break
  const task = await readTask(stage.client, id)
  if (task.state === 'completed') return task
  throw new Error(`${id} is ${task.state}: ${JSON.stringify(task.error ?? task.result)}`)
}

/**
 * Waits for a task's end as a client of Temporal does: against bare workflows a task is watched as they are. Throws
 * when it did not complete.
 */
export async function completedInTemporal(stage: Stage, id: string): Promise<void> {
  const { state } = (await stage.temporal.workflow.getHandle(id).result()) as TaskOutcome
  if (state !== 'completed') throw new Error(`${id} is ${state}`)
}

/** A request as its requester sees it: sent, followed, completed. */
export async function workedOn(stage: Stage, request: TaskRequest): Promise<TaskView> {
  return completed(stage, (await submit(stage, request)).id)
}
