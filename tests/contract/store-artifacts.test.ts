import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../../domain/ports/store.ts'
import type { TaskState } from '../../domain/task.ts'
import { DELIVERED, FENCED_WRITES, RECEIPT, VERIFIED } from '../support/fenced-writes.ts'
import { STORES, type OpenedStore } from '../support/stores.ts'
import { answeredTurn, call, eventTypes, taskIn } from '../support/stored-task.ts'

describe.each(Object.entries(STORES))('the artifacts of %s', (_, open) => {
  let opened: OpenedStore
  let store: Store
  beforeAll(async () => {
    opened = await open()
    store = opened.store
  })
  afterAll(() => opened.close())

  describe('a base commit', () => {
    it('is the first one that was fixed', async () => {
      const fence = await taskIn(store, 'building')
      expect(await store.artifacts.fixBase({ ...fence, baseCommit: 'one' })).toBe('one')
      expect(await opened.other.artifacts.fixBase({ ...fence, baseCommit: 'two' })).toBe('one')
      expect(await store.artifacts.base(fence.taskId)).toBe('one')
    })
  })

  describe('a delivery', () => {
    it('is the last one that was saved, every byte of its patch kept', async () => {
      const fence = await taskIn(store, 'building')
      expect(await store.artifacts.patch(fence.taskId)).toBeUndefined()
      const patch = Buffer.from(Array.from({ length: 512 }, (_byte, index) => index % 256))
      for (const bytes of [Buffer.from(''), patch])
        await store.artifacts.saveDelivery({ ...fence, ...DELIVERED, patch: bytes })
      expect(Buffer.compare((await opened.other.artifacts.patch(fence.taskId)) ?? Buffer.from('none'), patch)).toBe(0)
      expect(await store.artifacts.patch('task-0')).toBeUndefined()
    })

    it('may be empty', async () => {
      const fence = await taskIn(store, 'building')
      await store.artifacts.saveDelivery({ ...fence, ...DELIVERED, patch: new Uint8Array() })
      expect(await store.artifacts.patch(fence.taskId)).toHaveLength(0)
    })
  })

  describe('a receipt', () => {
    it('is the last one that was saved, byte for byte', async () => {
      const fence = await taskIn(store, 'verifying')
      expect(await store.artifacts.receipt(fence.taskId)).toBeUndefined()
      for (const evidence of ['b2xk', RECEIPT.evidence])
        await store.artifacts.saveDelivery({ ...fence, ...DELIVERED, receipt: { ...RECEIPT, evidence } })
      expect(JSON.stringify(await opened.other.artifacts.receipt(fence.taskId))).toBe(JSON.stringify(RECEIPT))
      expect((await store.tasks.events({ taskId: fence.taskId, after: 1, limit: 9 })).map(({ data }) => data)).toEqual([
        VERIFIED.data,
        VERIFIED.data,
      ])
    })
  })

  describe('the fence', () => {
    /** Everything anybody could see of a task. */
    const seen = async (taskId: string) => ({
      work: await store.tasks.work(taskId),
      transcript: await store.conversations.transcript(taskId),
      events: await eventTypes(store, taskId),
      patch: await store.artifacts.patch(taskId),
      receipt: await store.artifacts.receipt(taskId),
    })
    const moved = (taskId: string, to: TaskState) => store.tasks.move({ taskId, to })
    const anotherSeat = (taskId: string) =>
      store.tasks.note({ taskId, change: { builder: { id: 'b2', seat: 2, attempt: 2 } } })

    describe.each(Object.entries(FENCED_WRITES))('lets %s', (name, write) => {
      it('pass from the seat that holds the task, whatever the task’s state', async () => {
        for (const state of ['building', 'verifying', 'delivering'] as const) {
          const fence = await answeredTurn(store, await taskIn(store, 'building'), [call(0)])
          if (name === 'finishTurn') await store.conversations.beginTurn({ ...fence, turn: 2 })
          if (state !== 'building') await moved(fence.taskId, 'verifying')
          if (state === 'delivering') await moved(fence.taskId, 'delivering')
          await expect(write(opened.other, { taskId: fence.taskId, seat: 1 })).resolves.not.toThrow()
        }
      })

      it('change nothing from an older seat, from one never given, and after the end', async () => {
        const { taskId } = await answeredTurn(store, await taskIn(store, 'building'), [call(0)])
        await anotherSeat(taskId)
        const before = await seen(taskId)
        for (const seat of [1, 0, 3])
          await expect(write(opened.other, { taskId, seat })).rejects.toMatchObject({ code: 'seat_lost' })
        expect(await seen(taskId)).toEqual(before)
        await moved(taskId, 'cancelled')
        const ended = await seen(taskId)
        await expect(write(store, { taskId, seat: 2 })).rejects.toMatchObject({ code: 'seat_lost' })
        expect(await seen(taskId)).toEqual(ended)
      })

      it('fail for a task that does not exist', async () => {
        await expect(write(store, { taskId: 'task-0', seat: 1 })).rejects.toMatchObject({ code: 'not_found' })
      })
    })
  })
})
