import { TestWorkflowEnvironment } from '@temporalio/testing'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { openStore } from '../../adapters/postgres/store.ts'
import { TASK_QUEUES } from '../../domain/contracts.ts'
import type { Store } from '../../domain/ports/store.ts'
import { endForgotten, sweep } from '../../workers/sweeper.ts'
import { freshDatabase } from '../support/database.ts'
import { acceptance, partsFor } from '../support/stored-task.ts'

let env: TestWorkflowEnvironment
let store: Store
const stopping = new AbortController()
const startedIds: string[] = []
let sweeping: Promise<void>

beforeAll(async () => {
  const executable = { type: 'existing-path', path: inject('temporalProgram') } as const
  env = await TestWorkflowEnvironment.createLocal({ server: { executable } })
  store = await openStore({ url: await freshDatabase(), connections: 4 })
  const start = async (taskId: string) => {
    startedIds.push(taskId)
    await store.tasks.markStarted(taskId)
  }
  const logger = pino({ level: 'silent' })
  sweeping = sweep({ store, client: env.client, start, logger }, stopping.signal)
})
afterAll(async () => {
  stopping.abort()
  await sweeping
  await store.close()
  await env.teardown()
})

const accepted = async (): Promise<string> => (await store.tasks.accept(acceptance())).task.id

/** A task with a workflow that no worker takes up. */
async function running(): Promise<string> {
  const id = await accepted()
  await env.client.workflow.start('manageTask', {
    workflowId: id,
    taskQueue: TASK_QUEUES.manager,
    args: [],
  })
  await store.tasks.markStarted(id)
  return id
}

const outcome = async (id: string) => {
  const task = await store.tasks.find(id)
  return [task?.state, task?.error?.code]
}
const endOf = (id: string) => expect.poll(() => outcome(id), { timeout: 20_000 })

describe('the sweeper', () => {
  it('starts a task whose start was lost, once', async () => {
    const id = await accepted()
    await expect.poll(() => startedIds.filter((other) => other === id), { timeout: 20_000 }).toEqual([id])
  })

  it('ends a task whose workflow was terminated in Temporal as failed, and may be retried', async () => {
    const id = await running()
    await env.client.workflow.getHandle(id).terminate()
    await endOf(id).toEqual(['failed', 'terminated'])
    expect((await store.tasks.find(id))?.error).toMatchObject({ retryable: true })
    const events = await store.tasks.events({ taskId: id, after: 0, limit: 10 })
    expect(events.filter(({ type }) => type === 'task-ended')).toHaveLength(1)
  })

  it('ends the parts of such a task with it, and starts none of them', async () => {
    const id = await running()
    const parts = await store.tasks.divide({ taskId: id, subtasks: partsFor(2) })
    await env.client.workflow.getHandle(id).terminate()
    for (const part of parts) await endOf(part.id).toEqual(['cancelled', undefined])
    expect(startedIds.filter((started) => parts.some((part) => part.id === started))).toEqual([])
  })
})

describe('looking for forgotten tasks', () => {
  it('ends a task Temporal does not know, and leaves the others alone', async () => {
    const forgotten = await accepted()
    await store.tasks.markStarted(forgotten)
    const known = await running()
    await endForgotten({ store, client: env.client }, { olderThanMs: 0 })
    expect(await outcome(forgotten)).toEqual(['failed', 'terminated'])
    expect(await outcome(known)).toEqual(['received', undefined])
  })

  it('does not look at tasks that somebody wrote to lately', async () => {
    const forgotten = await accepted()
    await store.tasks.markStarted(forgotten)
    await endForgotten({ store, client: env.client }, { olderThanMs: 60_000 })
    expect(await outcome(forgotten)).toEqual(['received', undefined])
  })
})
