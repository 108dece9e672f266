import { afterAll, beforeAll, expect, it } from 'vitest'
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

const lifecycle = () =>
  createLifecycleActivities({
    ...{ store: opened.store, memory: noMemory, warehouse: noWarehouse, clock: () => new Date() },
    router: { route: () => ({ strategy: 'test', model: 'm', profile: 'engineering' }) },
    models: { main: 'm', fast: 'm' },
  })

it('a lost builder is noted once for its seat, however often the note is repeated', async () => {
  const { taskId, seat } = await taskIn(opened.store, 'building')
  const loss = { taskId, builder: 'b1', reason: 'its process exited' }
  const steps = [
    await lifecycle().noteBuilderLost({ ...loss, seat }),
    await lifecycle().noteBuilderLost({ ...loss, seat }),
    await lifecycle().noteBuilderLost({ ...loss, seat: seat + 1 }),
  ]
  expect(steps).toEqual(steps.map(() => ({ step: 'building, turn 1, call 1' })))
  expect((await eventTypes(opened.store, taskId)).filter((type) => type === 'builder-lost')).toHaveLength(2)
})
