import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Fence, Store } from '../../domain/ports/store.ts'
import { STORES, type OpenedStore } from '../support/stores.ts'
import { ANSWERED, answeredTurn, call, eventTypes, partsFor, taskIn } from '../support/stored-task.ts'

/** Often enough that the two meet between any two statements. */
const MEETINGS = 200
/** As many at once as the stores have connections. */
const AT_ONCE = 8

describe.each(Object.entries(STORES))('two writers that meet on one task of %s', (_, open) => {
  let opened: OpenedStore
  let store: Store
  let other: Store
  beforeAll(async () => {
    opened = await open()
    ;({ store, other } = opened)
  })
  afterAll(() => opened.close())

  async function meet(meeting: (round: number) => Promise<void>): Promise<void> {
    for (let round = 0; round < MEETINGS; round += AT_ONCE)
      await Promise.all(Array.from({ length: AT_ONCE }, (_round, index) => meeting(round + index)))
  }
  const hello = (taskId: string, text: string) => other.conversations.receive({ taskId, text, from: 'ada' })
  /** The other writer comes a little later each time. */
  const later = (round: number) => new Promise((resolve) => setTimeout(resolve, (round % 10) / 2))

  it('bring each text before exactly one turn, whoever says it', async () => {
    await meet(async (round) => {
      const fence = await taskIn(store, 'building')
      const { taskId } = fence
      const begin = async (at: Store, turn: number) =>
        JSON.stringify(await at.conversations.beginTurn({ ...fence, turn }))
      const [first] = await Promise.all([
        begin(store, 1),
        later(round).then(() => hello(taskId, 'from a person')),
        later(round).then(() => other.conversations.tell({ taskId, text: 'from the gateway' })),
      ])
      await store.conversations.finishTurn({ ...fence, ...ANSWERED, turn: 1, parts: [{ text: 'ok' }], calls: [] })
      const second = await begin(other, 2)
      for (const text of ['from a person', 'from the gateway']) {
        expect(second.split(text)).toHaveLength(2)
        // What stands before the answer of the first turn was shown to it.
        expect(second.indexOf(text) < second.indexOf('"ok"')).toBe(first.includes(text))
      }
      expect(await eventTypes(store, taskId)).toEqual(['task-received', 'turn-started', 'turn-started'])
    })
  })

  it('lose no text between steering and verifying', async () => {
    await meet(async (round) => {
      const { taskId } = await taskIn(store, 'building')
      const [moved, said] = await Promise.allSettled([
        later(MEETINGS - round).then(() => store.tasks.move({ taskId, to: 'verifying', unlessSteered: true })),
        later(round).then(() => hello(taskId, 'wait')),
      ])
      const stays = moved.status === 'fulfilled' && !moved.value.moved
      expect(said.status).toBe(stays ? 'fulfilled' : 'rejected')
      expect(await store.conversations.unread(taskId)).toEqual(stays ? ['wait'] : [])
    })
  })

  it('finish each call that was begun, whatever ends the task meanwhile', async () => {
    await meet(async (round) => {
      const at = { ...(await answeredTurn(store, await taskIn(store, 'building'), [call(0)])), position: 0 }
      const { taskId } = at
      const end = { taskId, to: 'failed', events: [{ type: 'task-ended' }] } as const
      await Promise.allSettled([
        other.conversations.beginTool(at),
        later(round).then(() => store.tasks.move(end)),
        later(round).then(() => other.conversations.finishTool({ ...at, response: {}, ok: true, summary: '' })),
      ])
      const types = (await eventTypes(store, taskId)).slice(2)
      const whole = ['tool-called', 'tool-finished', 'task-ended']
      expect([whole, ['task-ended'], ['tool-finished', 'task-ended']]).toContainEqual(types)
    })
  })

  it('write on one seat or the next, each of them wholly or not at all', async () => {
    await meet(async (round) => {
      const fence = await answeredTurn(store, await taskIn(store, 'building'), [call(0)])
      await store.conversations.beginTurn({ ...fence, turn: 2 })
      const next: Fence = { taskId: fence.taskId, seat: 2 }
      const answer = { ...ANSWERED, turn: 2, parts: [{ text: 'late' }], calls: [call(0), call(1)] }
      const [answered] = await Promise.allSettled([
        store.conversations.finishTurn({ ...fence, ...answer }),
        later(round).then(() =>
          other.tasks.note({
            taskId: fence.taskId,
            change: { builder: { id: 'b2', seat: 2, attempt: 2 } },
            events: [{ type: 'builder-assigned' }],
          }),
        ),
      ])
      const hasPassed = answered.status === 'fulfilled'
      expect(await other.conversations.beginTurn({ ...next, turn: 2 })).toMatchObject(
        hasPassed ? { type: 'answered', turn: { calls: [{ position: 0 }, { position: 1 }] } } : { type: 'ready' },
      )
      const { task } = await store.tasks.work(fence.taskId)
      expect(task.cost).toMatchObject(hasPassed ? { modelCalls: 2, usd: 0.5 } : { modelCalls: 1, usd: 0.25 })
      expect(await eventTypes(store, fence.taskId)).toHaveLength(4)
    })
  })

  it('lock a sub-task before its whole: nobody waits in a circle', async () => {
    await meet(async () => {
      const { taskId: whole } = await taskIn(store, 'building')
      const parts = await store.tasks.divide({ taskId: whole, subtasks: partsFor(2) })
      const change = { builder: { id: 'b1', seat: 1, attempt: 1 } }
      await Promise.all(
        parts.map(async ({ id: taskId }, index) => {
          const at = index === 0 ? store : other
          const fence = { taskId, seat: 1 }
          for (const to of ['understanding', 'queued', 'building'] as const)
            await at.tasks.move({ taskId, to, ...(to === 'building' && { change }) })
          await Promise.all([
            at.artifacts.fixBase({ ...fence, baseCommit: `${index}` }),
            answeredTurn(at, fence),
            at.conversations.recordCall({ taskId, turn: 0, ...ANSWERED }),
          ])
        }),
      )
      const bases = [whole, ...parts.map(({ id }) => id)].map((id) => store.artifacts.base(id))
      expect(new Set(await Promise.all(bases)).size).toBe(1)
      expect((await store.tasks.find(whole))?.cost).toMatchObject({ usd: 1, modelCalls: 4 })
    })
  })
})
