import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ArtifactStore, ConversationStore, Fence, Store } from '../../domain/ports/store.ts'
import type { TaskState } from '../../domain/task.ts'
import { STORES, type OpenedStore } from '../support/stores.ts'
import { ANSWERED, answeredTurn, call, eventTypes, taskIn } from '../support/stored-task.ts'

const RECEIPT = { version: 1, evidence: 'eyJhIjoxfQ==', signature: 's+/=', publicKey: 'p', keyId: 'k' } as const
const CHECKPOINT = { commit: 'c', tree: 't', bundle: Buffer.from('b') }
const PLAN = [{ text: 'x', status: 'pending' as const }]

/** The methods of a port that take a fence. */
type Fenced<Port> = {
  [Name in keyof Port]: Port[Name] extends (input: infer Input) => unknown
    ? Input extends Fence
      ? Name
      : never
    : never
}[keyof Port]
type FencedWrite = Fenced<ArtifactStore> | Fenced<ConversationStore>

/** Every one of them: a new fenced method that is not here does not compile. */
const WRITES: Readonly<Record<FencedWrite, (store: Store, fence: Fence) => Promise<unknown>>> = {
  beginTurn: (store, fence) => store.conversations.beginTurn({ ...fence, turn: 2 }),
  finishTurn: (store, fence) =>
    store.conversations.finishTurn({ ...fence, ...ANSWERED, turn: 2, parts: [{ text: 'late' }], calls: [call(0)] }),
  beginTool: (store, fence) => store.conversations.beginTool({ ...fence, turn: 1, position: 0 }),
  finishTool: (store, fence) =>
    store.conversations.finishTool({
      ...{ ...fence, turn: 1, position: 0, response: { output: 'late' }, ok: true, summary: 'late' },
      ...{ checkpoint: CHECKPOINT, plan: PLAN, output: 'late' },
    }),
  fixBase: (store, fence) => store.artifacts.fixBase({ ...fence, baseCommit: 'late' }),
  saveDelivery: (store, fence) =>
    store.artifacts.saveDelivery({ ...fence, commit: 'late', patch: Buffer.from('late') }),
  saveCheckpoint: (store, fence) => store.artifacts.saveCheckpoint({ ...fence, checkpoint: CHECKPOINT }),
  saveReceipt: (store, fence) => store.artifacts.saveReceipt({ ...fence, receipt: RECEIPT }),
  assertSeat: (store, fence) => store.artifacts.assertSeat(fence),
}

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
      expect((await store.tasks.work(fence.taskId)).baseCommit).toBe('one')
    })
  })

  describe('a delivery', () => {
    it('is the last one that was saved, every byte of its patch kept', async () => {
      const fence = await taskIn(store, 'building')
      expect(await store.artifacts.patch(fence.taskId)).toBeUndefined()
      const patch = Buffer.from(Array.from({ length: 512 }, (_byte, index) => index % 256))
      for (const bytes of [Buffer.from(''), patch])
        await store.artifacts.saveDelivery({ ...fence, commit: 'c', patch: bytes })
      expect(Buffer.compare((await opened.other.artifacts.patch(fence.taskId)) ?? Buffer.from('none'), patch)).toBe(0)
      expect(await store.artifacts.patch('task-0')).toBeUndefined()
    })

    it('may be empty', async () => {
      const fence = await taskIn(store, 'building')
      await store.artifacts.saveDelivery({ ...fence, commit: 'c', patch: new Uint8Array() })
      expect(await store.artifacts.patch(fence.taskId)).toHaveLength(0)
    })
  })

  describe('a receipt', () => {
    it('is the last one that was saved, byte for byte', async () => {
      const fence = await taskIn(store, 'verifying')
      expect(await store.artifacts.receipt(fence.taskId)).toBeUndefined()
      for (const evidence of ['b2xk', RECEIPT.evidence])
        await store.artifacts.saveReceipt({ ...fence, receipt: { ...RECEIPT, evidence } })
      expect(JSON.stringify(await opened.other.artifacts.receipt(fence.taskId))).toBe(JSON.stringify(RECEIPT))
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

    describe.each(Object.entries(WRITES))('lets %s', (name, write) => {
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
