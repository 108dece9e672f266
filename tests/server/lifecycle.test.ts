import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLifecycleActivities } from '../../activities/gateway/lifecycle.ts'
import { noMemory } from '../../domain/ports/memory.ts'
import { noWarehouse } from '../../domain/ports/warehouse.ts'
import { STORES, type OpenedStore } from '../support/stores.ts'
import { eventTypes, taskIn } from '../support/stored-task.ts'

let opened: OpenedStore
beforeAll(async () => {
  opened = (await STORES['PostgreSQL']?.()) as OpenedStore
})
afterAll(() => opened.close())

const lifecycle = (store = opened.store) =>
  createLifecycleActivities({
    ...{ store, memory: noMemory, warehouse: noWarehouse, clock: () => new Date() },
    router: { route: () => ({ strategy: 'test', model: 'm', profile: 'engineering' }) },
    models: { main: 'm', fast: 'm' },
  })

const LOSS = { builder: 'b1', reason: 'its process exited', answered: false }

describe('a rejected delivery', () => {
  it('gives its log to the Builder once, also when the step is cut in the middle and repeated', async () => {
    const { taskId } = await taskIn(opened.store, 'verifying')
    const repair = { taskId, attempt: 1, outcome: { verdict: 'failed', commit: 'c', log: 'AssertionError' } } as const
    const { store } = opened
    const move: typeof store.tasks.move = () => Promise.reject(new Error('ECONNRESET'))
    const cut = lifecycle({ ...store, tasks: { ...store.tasks, move } })
    await expect(cut.requestRepair(repair)).rejects.toThrow('ECONNRESET')
    for (let times = 0; times < 2; times++) await lifecycle().requestRepair(repair)
    const told = (await store.conversations.transcript(taskId)).filter(({ type }) => type === 'message')
    expect([told.length, (await store.tasks.find(taskId))?.state]).toEqual([1, 'building'])
  })
})

describe('a lost builder', () => {
  it('is noted once for its seat, and a repetition gives what was noted first, also when the task has ended', async () => {
    const { taskId, seat } = await taskIn(opened.store, 'building')
    const first = await lifecycle().noteBuilderLost({ ...LOSS, taskId, seat })
    expect(first).toEqual({ step: 'building, turn 1, call 1', reason: LOSS.reason, builderGone: true })
    const error = { code: 'internal', message: 'It failed.', retryable: false } as const
    await lifecycle().endTask({ taskId, state: 'failed', error })
    expect(await lifecycle().noteBuilderLost({ ...LOSS, taskId, seat, reason: 'another', answered: true })).toEqual(
      first,
    )
    expect((await eventTypes(opened.store, taskId)).filter((type) => type === 'builder-lost')).toHaveLength(1)
  })

  it('is not gone when it said itself that the step failed, or when it still reports', async () => {
    const { taskId, seat } = await taskIn(opened.store, 'building')
    const answered = await lifecycle().noteBuilderLost({ ...LOSS, taskId, seat, answered: true })
    await opened.store.builders.report({
      ...{ id: 'b-reports', pid: 1, host: 'h', state: 'busy', seats: 1, seatsUsed: 1, tasks: [], restarts: 0 },
      ...{ cpu: 0, rssBytes: 1 },
    })
    const reports = await lifecycle().noteBuilderLost({ ...LOSS, taskId, seat: seat + 1, builder: 'b-reports' })
    expect([answered.builderGone, reports.builderGone]).toEqual([false, false])
  })
})
