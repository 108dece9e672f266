import { Client } from '@temporalio/client'
import { TestWorkflowEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { openStore } from '../../adapters/postgres/store.ts'
import { ensureSearchAttributes } from '../../adapters/temporal/search-attributes.ts'
import type { Store } from '../../domain/ports/store.ts'
import { createTaskControl } from '../../workers/task-control.ts'
import { freshDatabase } from '../support/database.ts'
import { acceptance } from '../support/stored-task.ts'

let env: TestWorkflowEnvironment
let store: Store
let start: (taskId: string) => Promise<void>

beforeAll(async () => {
  const executable = { type: 'existing-path', path: inject('temporalProgram') } as const
  env = await TestWorkflowEnvironment.createLocal({ server: { executable } })
  await ensureSearchAttributes(env.client, 'default')
  store = await openStore({ url: await freshDatabase(), connections: 2 })
  start = createTaskControl({ client: new Client({ connection: env.nativeConnection }), store }).start
})
afterAll(async () => {
  await store.close()
  await env.teardown()
})

const accepted = async (): Promise<string> => (await store.tasks.accept(acceptance())).task.id
const unstarted = () => store.tasks.unstarted({ olderThanMs: -1, limit: 10 })

// No Manager works here: each of its workflows is as it was started.
describe('starting a Manager', () => {
  it('is for the Manager to note, which may come late', async () => {
    const id = await accepted()
    await start(id)
    expect((await env.client.workflow.getHandle(id).describe()).status.name).toBe('RUNNING')
    expect(await unstarted()).toContain(id)
  })

  it('again finds the one there is, and is not tried any more', async () => {
    const id = await accepted()
    await start(id)
    const { runId } = await env.client.workflow.getHandle(id).describe()
    await start(id)
    expect((await env.client.workflow.getHandle(id).describe()).runId).toBe(runId)
    expect(await unstarted()).not.toContain(id)
  })

  it('again finds the one that was ended before it began to work', async () => {
    const id = await accepted()
    await start(id)
    await env.client.workflow.getHandle(id).terminate()
    await start(id)
    expect((await env.client.workflow.getHandle(id).describe()).status.name).toBe('TERMINATED')
    expect(await unstarted()).not.toContain(id)
  })
})
