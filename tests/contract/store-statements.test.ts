import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openStore } from '../../adapters/postgres/store.ts'
import type { Fence, Store } from '../../domain/ports/store.ts'
import { freshDatabase } from '../support/database.ts'
import { FENCED_WRITES } from '../support/fenced-writes.ts'
import { acceptance, answeredTurn, call, taskIn } from '../support/stored-task.ts'

/** What a step costs is how many statements it sends: both sides pay for each, whatever it does. */
let store: Store
beforeAll(async () => {
  store = await openStore({ url: await freshDatabase(), connections: 2 })
})
afterAll(() => store.close())

/** One that has no name is planned anew each time, which costs more than to carry it out. */
async function statementsOf(action: () => Promise<unknown>): Promise<number> {
  const query = vi.spyOn(pg.Client.prototype, 'query')
  try {
    await action()
    for (const [statement] of query.mock.calls) expect(statement).toMatchObject({ name: expect.any(String) })
    return query.mock.calls.length
  } finally {
    query.mockRestore()
  }
}

describe('a write of a Builder', () => {
  it.each(Object.entries(FENCED_WRITES))('%s is one statement, planned once', async (name, write) => {
    const { taskId, seat } = await answeredTurn(store, await taskIn(store, 'building'), [call(0)])
    if (name === 'finishTurn') await store.conversations.beginTurn({ taskId, seat, turn: 2 })
    expect(await statementsOf(() => write(store, { taskId, seat }))).toBe(1)
  })

  it('that finishes a call without a new plan reads nothing', async () => {
    const at = { ...(await answeredTurn(store, await taskIn(store, 'building'), [call(0)])), position: 0 }
    const result = { response: { output: 'ok' }, ok: true, summary: 'done' }
    expect(await statementsOf(() => store.conversations.finishTool({ ...at, ...result }))).toBe(1)
  })
})

describe('a step of the Manager', () => {
  const moving = (to: 'queued' | 'delivering') => (fence: Fence) =>
    store.tasks.move({ taskId: fence.taskId, to, events: [{ type: 'task-queued' }] })

  it('that accepts, moves or notes is one statement', async () => {
    expect(await statementsOf(() => store.tasks.accept(acceptance()))).toBe(1)
    const [queued, verified] = [await taskIn(store, 'understanding'), await taskIn(store, 'verifying')]
    expect(await statementsOf(() => moving('queued')(queued))).toBe(1)
    expect(await statementsOf(() => moving('delivering')(verified))).toBe(1)
    expect(await statementsOf(() => store.tasks.note({ taskId: queued.taskId, change: { title: 'x' } }))).toBe(1)
  })

  it('that depends on messages or calls is one statement', async () => {
    const { taskId } = await taskIn(store, 'building')
    const verify = async () => {
      await store.tasks.move({ taskId, to: 'verifying', unlessSteered: true })
    }
    const end = async () => {
      await store.tasks.move({ taskId, to: 'failed', events: [{ type: 'task-ended' }] })
    }
    expect([await statementsOf(verify), await statementsOf(end)]).toEqual([1, 1])
  })
})
