import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStore } from '../../adapters/postgres/store.ts'
import type { Fence, Store } from '../../domain/ports/store.ts'
import { freshDatabase } from '../support/database.ts'
import { FENCED_WRITES } from '../support/fenced-writes.ts'
import { answeredTurn, call, eventTypes, partsFor, taskIn } from '../support/stored-task.ts'

/** A writer that waits for another one's transaction goes by what that one has written, not by what stood before. */
let url: string
let store: Store
beforeAll(async () => {
  url = await freshDatabase()
  store = await openStore({ url, connections: 4 })
})
afterAll(() => store.close())

/** Begins a write while another transaction holds the task, which commits as soon as the write waits for it. */
async function behind<T>(holds: readonly string[], write: () => Promise<T>): Promise<PromiseSettledResult<T>> {
  const holder = new pg.Client({ connectionString: url })
  const watcher = new pg.Client({ connectionString: url })
  await Promise.all([holder.connect(), watcher.connect()])
  await holder.query('begin')
  for (const statement of holds) await holder.query(statement)
  const waiting = Promise.allSettled([write()])
  const isWaiting = async () => {
    const text = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    return (await watcher.query(text)).rowCount === 1
  }
  while (!(await isWaiting())) await delay(5)
  await holder.query('commit')
  const [outcome] = await waiting
  await Promise.all([holder.end(), watcher.end()])
  return outcome
}

const touched = (taskId: string) => `update task set updated_at = now() where id = '${taskId}'`
const said = (taskId: string) => `insert into message (task_id, author, text) values ('${taskId}', 'ada', 'wait')`

/** What waits when its task is held: everything but a mere look at the seat. */
const { assertSeat: _, ...waitingWrites } = FENCED_WRITES

describe.each(Object.entries(waitingWrites))('%s', (name, write) => {
  /** A task with one call, on which all of these writes can be made. */
  async function ready(): Promise<Fence> {
    const { taskId, seat } = await answeredTurn(store, await taskIn(store, 'building'), [call(0)])
    if (name === 'finishTurn') await store.conversations.beginTurn({ taskId, seat, turn: 2 })
    return { taskId, seat }
  }

  it('writes once what it has to, behind somebody who only wrote to the task', async () => {
    const [fence, alike] = [await ready(), await ready()]
    expect(await behind([touched(fence.taskId)], () => write(store, fence))).toMatchObject({ status: 'fulfilled' })
    await write(store, alike)
    expect(await eventTypes(store, fence.taskId)).toEqual(await eventTypes(store, alike.taskId))
    const [{ task }, { task: other }] = [await store.tasks.work(fence.taskId), await store.tasks.work(alike.taskId)]
    expect([task.cost, task.progress]).toEqual([other.cost, other.progress])
  })

  it('leaves nothing behind when its seat was given to another', async () => {
    const fence = await ready()
    const given = `update task set seat = 2 where id = '${fence.taskId}'`
    const outcome = await behind([given], () => write(store, fence))
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'seat_lost' } })
    const { task } = await store.tasks.work(fence.taskId)
    expect([task.cost.modelCalls, task.progress.turn, task.progress.plan]).toEqual([
      1,
      name === 'finishTurn' ? 2 : 1,
      [],
    ])
    expect(await eventTypes(store, fence.taskId)).toHaveLength(name === 'finishTurn' ? 3 : 2)
    const { artifacts } = store
    const kept = [artifacts.checkpoint, artifacts.patch, artifacts.receipt, artifacts.base]
    expect(await Promise.all(kept.map((read) => read(fence.taskId)))).toEqual(kept.map(() => undefined))
  })
})

describe('behind somebody who speaks to the task,', () => {
  it('a turn takes what was said', async () => {
    const fence = await taskIn(store, 'building')
    const holds = [said(fence.taskId), touched(fence.taskId)]
    const outcome = await behind(holds, () => store.conversations.beginTurn({ ...fence, turn: 1 }))
    expect(outcome).toMatchObject({
      value: { type: 'ready', contents: [{ role: 'user', parts: [{ text: 'wait' }] }] },
    })
    expect(await store.conversations.unread(fence.taskId)).toEqual([])
  })

  it('a verification does not begin', async () => {
    const { taskId } = await taskIn(store, 'building')
    const move = { taskId, to: 'verifying', unlessSteered: true } as const
    const outcome = await behind([said(taskId), touched(taskId)], () => store.tasks.move(move))
    expect(outcome).toMatchObject({ value: { moved: false, task: { state: 'building' } } })
  })
})

it('a task that ends behind a call that begins finishes that call', async () => {
  const { taskId } = await answeredTurn(store, await taskIn(store, 'building'), [call(0)])
  const holds = [
    `update tool_call set state = 'running' where task_id = '${taskId}'`,
    `update task set sequence = sequence + 1 where id = '${taskId}'`,
    `insert into event (task_id, sequence, type, data) select id, sequence, 'tool-called', '{}' from task where id = '${taskId}'`,
  ]
  const end = { taskId, to: 'failed', events: [{ type: 'task-ended' }] } as const
  expect(await behind(holds, () => store.tasks.move(end))).toMatchObject({ value: { task: { state: 'failed' } } })
  expect((await eventTypes(store, taskId)).slice(2)).toEqual(['tool-called', 'tool-finished', 'task-ended'])
})

it('a plan that is made behind a sub-task that moves holds where that one stands', async () => {
  const fence = await answeredTurn(store, await taskIn(store, 'building'), [call(0)])
  const { taskId } = fence
  const [part] = await store.tasks.divide({ taskId, subtasks: partsFor(1) })
  const plan = [{ text: 'own', status: 'pending' as const }]
  const moved = JSON.stringify([{ text: 'Part 0', status: 'completed', taskId: part?.id }])
  const holds = [`update task set plan = '${moved}' where id = '${taskId}'`]
  const finished = { ...fence, position: 0, response: {}, ok: true, summary: 'planned', plan }
  expect(await behind(holds, () => store.conversations.finishTool(finished))).toMatchObject({ status: 'fulfilled' })
  const { task } = await store.tasks.work(taskId)
  expect(task.progress.plan.map(({ status, text }) => [text, status])).toEqual([
    ['Part 0', 'completed'],
    ['own', 'pending'],
  ])
})
