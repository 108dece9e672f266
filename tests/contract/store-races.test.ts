import { ulid } from 'ulidx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../../domain/ports/store.ts'
import { DELIVERED } from '../support/fenced-writes.ts'
import { STORES, type OpenedStore } from '../support/stores.ts'
import { acceptance, ANSWERED, answeredTurn, call, eventTypes, taskIn } from '../support/stored-task.ts'

/** Two processes write at once: whoever is second sees what the first has done. */
describe.each(Object.entries(STORES))('two processes on %s', (_, open) => {
  let opened: OpenedStore
  let store: Store
  beforeAll(async () => {
    opened = await open()
    store = opened.store
  })
  afterAll(() => opened.close())

  /** Runs an action ten times at once, every other time in the other process; gives the values of those that came through. */
  async function race<T>(action: (store: Store, index: number) => Promise<T>): Promise<{ won: T[]; codes: unknown[] }> {
    const runs = Array.from({ length: 10 }, (_run, index) => action(index % 2 ? opened.other : store, index))
    const settled = await Promise.allSettled(runs)
    return {
      won: settled.flatMap((run) => (run.status === 'fulfilled' ? [run.value] : [])),
      codes: settled.flatMap((run) => (run.status === 'rejected' ? [(run.reason as { code?: string }).code] : [])),
    }
  }
  const conflicts = (count: number) => Array.from({ length: count }, () => 'conflict')
  const count = (values: readonly unknown[], wanted: unknown) => values.filter((value) => value === wanted).length

  it('accept one task of many requests with one key', async () => {
    const request = acceptance()
    const { won } = await race((at) => at.tasks.accept({ ...request, id: `task-${ulid()}` }))
    expect(new Set(won.map(({ task }) => task.id)).size).toBe(1)
    expect(won.filter(({ created }) => created)).toHaveLength(1)
    expect(await eventTypes(store, won[0]?.task.id ?? '')).toEqual(['task-received'])
  })

  it('accept one of many bodies with one key and refuse the others', async () => {
    const key = ulid()
    const { won, codes } = await race((at, index) => at.tasks.accept(acceptance({ key, digest: `d${index}` })))
    expect([won.length, count(codes, 'idempotency_key_reused')]).toEqual([1, 9])
  })

  it('move a task once to where all want it, and to one of two ends', async () => {
    const { taskId } = await taskIn(store, 'understanding')
    await race((at) => at.tasks.move({ taskId, to: 'queued', events: [{ type: 'task-queued' }] }))
    expect(await eventTypes(store, taskId)).toEqual(['task-received', 'task-queued'])
    const ending = await taskIn(store, 'delivering')
    const ends = ['completed', 'cancelled'] as const
    const { codes } = await race((at, index) =>
      at.tasks.move({ taskId: ending.taskId, to: ends[index % 2] ?? 'failed', events: [{ type: 'task-ended' }] }),
    )
    expect(codes).toEqual(conflicts(5))
    expect(await eventTypes(store, ending.taskId)).toEqual(['task-received', 'task-ended'])
  })

  it('number the events of 50 writers without gaps', async () => {
    const { taskId } = await taskIn(store, 'building')
    const notes = Array.from({ length: 50 }, (_note, n) =>
      (n % 2 ? opened.other : store).tasks.note({
        taskId,
        events: [{ type: 'message-sent', data: { n } }, { type: 'message-sent' }],
      }),
    )
    await Promise.all(notes)
    expect(await eventTypes(store, taskId)).toHaveLength(101)
    const events = await store.tasks.events({ taskId, after: 1, limit: 200 })
    const written = events.flatMap(({ data, sequence }) => (sequence % 2 === 0 ? [data['n']] : []))
    expect(new Set(written).size).toBe(50)
  })

  it('begin a turn once, and bind waiting text to it once', async () => {
    const fence = await taskIn(store, 'building')
    await store.conversations.receive({ taskId: fence.taskId, text: 'hello', from: 'ada' })
    const { won } = await race((at) => at.conversations.beginTurn({ ...fence, turn: 1 }))
    const ready = JSON.stringify({ type: 'ready', contents: [{ role: 'user', parts: [{ text: 'hello' }] }] })
    expect(
      count(
        won.map((start) => JSON.stringify(start)),
        ready,
      ),
    ).toBe(10)
    expect(await eventTypes(store, fence.taskId)).toEqual(['task-received', 'turn-started'])
  })

  it('store the first answer of a turn with its own calls, and every cost', async () => {
    const fence = await taskIn(store, 'building')
    await store.conversations.beginTurn({ ...fence, turn: 1 })
    const { won } = await race((at, index) =>
      at.conversations.finishTurn({
        ...{ ...fence, ...ANSWERED, turn: 1, parts: [{ text: `${index}` }] },
        calls: index % 3 === 0 ? [] : [call(0, { name: `tool_${index}` })],
      }),
    )
    const start = await store.conversations.beginTurn({ ...fence, turn: 1 })
    const turn = start.type === 'answered' ? start.turn : undefined
    const index = Number(turn?.parts[0]?.text)
    expect(turn?.calls.map(({ name }) => name)).toEqual(index % 3 === 0 ? [] : [`tool_${index}`])
    expect(new Set(won.map(({ calls }) => JSON.stringify(calls)))).toEqual(new Set([JSON.stringify(turn?.calls)]))
    expect((await store.tasks.find(fence.taskId))?.cost).toMatchObject({ usd: 2.5, modelCalls: 10 })
  })

  it('begin and finish a call once', async () => {
    const at = { ...(await answeredTurn(store, await taskIn(store, 'building'), [call(0)])), position: 0 }
    const begun = await race((process) => process.conversations.beginTool(at))
    expect(
      count(
        begun.won.map((start) => start.type === 'run' && start.repeated),
        false,
      ),
    ).toBe(1)
    await race((process, index) =>
      process.conversations.finishTool({
        ...at,
        response: { index },
        ok: true,
        summary: `${index}`,
        output: `${index}`,
      }),
    )
    const [finished] = (await store.tasks.events({ taskId: at.taskId, after: 3, limit: 9 })).map(
      ({ data }) => data['summary'],
    )
    const tool = (await store.conversations.transcript(at.taskId)).find(({ type }) => type === 'tool')
    expect(tool).toMatchObject({ response: { index: Number(finished) }, output: finished })
    expect((await eventTypes(store, at.taskId)).slice(2)).toEqual(['tool-called', 'tool-finished'])
  })

  it('begin and finish at once a call that nobody began, and the one that was begun beside them', async () => {
    const at = { ...(await answeredTurn(store, await taskIn(store, 'building'), [call(0)])), position: 0 }
    const unbegun = call(0)
    await race<unknown>((process, index) =>
      index === 4
        ? process.conversations.beginTool(at)
        : process.conversations.finishTool({ ...at, unbegun, response: {}, ok: true, summary: '' }),
    )
    expect((await eventTypes(store, at.taskId)).slice(2)).toEqual(['tool-called', 'tool-finished'])
  })

  it('take one answer to a question; the other texts stand before the next turn, none lost', async () => {
    const at = await answeredTurn(store, await taskIn(store, 'building'), [call(0, { name: 'ask_user' })])
    await store.conversations.beginTool({ ...at, position: 0 })
    await store.tasks.move({ taskId: at.taskId, to: 'awaiting_input' })
    await race((process, index) => process.conversations.receive({ taskId: at.taskId, text: `t${index}`, from: 'ada' }))
    const unread = await store.conversations.unread(at.taskId)
    await store.tasks.move({ taskId: at.taskId, to: 'building' })
    const contents = JSON.stringify(await store.conversations.beginTurn({ ...at, turn: 2 }))
    const answer = /"output":"(t\d)"/.exec(contents)?.[1]
    expect(new Set([...unread, answer])).toEqual(new Set(Array.from({ length: 10 }, (_text, index) => `t${index}`)))
  })

  it('never lose text between steering and verifying', async () => {
    for (let round = 0; round < 5; round++) {
      const { taskId } = await taskIn(store, 'building')
      const [moved, said] = await Promise.allSettled([
        store.tasks.move({ taskId, to: 'verifying', unlessSteered: true }),
        opened.other.conversations.receive({ taskId, text: 'wait', from: 'ada' }),
      ])
      const stays = moved.status === 'fulfilled' && !moved.value.moved
      expect(said.status).toBe(stays ? 'fulfilled' : 'rejected')
      expect(await store.conversations.unread(taskId)).toEqual(stays ? ['wait'] : [])
    }
  })

  it('open one approval for a call and take one decision on it', async () => {
    const { taskId } = await answeredTurn(store, await taskIn(store, 'building'), [call(0, { decision: 'ask' })])
    const opening = { taskId, turn: 1, position: 0, expiresAt: '2090-01-01T00:00:00Z' }
    const ids = (await race((at) => at.conversations.openApproval(opening))).won.map(({ approvalId }) => approvalId)
    const approvalId = ids[0] ?? ''
    expect(count(ids, approvalId)).toBe(10)
    await store.tasks.move({ taskId, to: 'awaiting_approval', change: { waiting: { for: 'approval', approvalId } } })
    const { won, codes } = await race((at, index) =>
      at.conversations.decideApproval({
        taskId,
        approvalId,
        decision: index % 2 ? 'approve' : 'reject',
        by: `u${index}`,
      }),
    )
    expect([won.length, codes]).toEqual([1, conflicts(9)])
    expect(count(await eventTypes(store, taskId), 'approval-decided')).toBe(1)
  })

  it('let a write pass before the seat is given to another, or not at all', async () => {
    for (let round = 0; round < 5; round++) {
      const at = { ...(await answeredTurn(store, await taskIn(store, 'building'), [call(0)])), position: 0 }
      const [written] = await Promise.allSettled([
        store.conversations.finishTool({ ...at, response: {}, ok: true, summary: '' }),
        opened.other.tasks.note({
          taskId: at.taskId,
          change: { builder: { id: 'b2', seat: 2, attempt: 2 } },
          events: [{ type: 'builder-assigned' }],
        }),
      ])
      const passed = written.status === 'fulfilled'
      const types = (await eventTypes(store, at.taskId)).slice(2)
      expect(types).toEqual(passed ? ['tool-finished', 'builder-assigned'] : ['builder-assigned'])
    }
  })

  it('fix one base, save whole deliveries, create one key and report one builder', async () => {
    const fence = await taskIn(store, 'building')
    const bases = await race((at, index) => at.artifacts.fixBase({ ...fence, baseCommit: `base-${index}` }))
    expect(new Set(bases.won).size).toBe(1)
    await race((at, index) =>
      at.artifacts.saveDelivery({ ...fence, ...DELIVERED, commit: `${index}`, patch: Buffer.alloc(50_000, index) }),
    )
    expect(new Set(await store.artifacts.patch(fence.taskId)).size).toBe(1)
    const hash = ulid()
    const keys = await race((at) => at.keys.create({ id: ulid(), name: 'seeded', tenant: 't', roles: ['admin'], hash }))
    expect(new Set(keys.won.map(({ id }) => id)).size).toBe(1)
    await race((at, index) =>
      at.builders.report({
        id: 'b1',
        pid: 1,
        host: 'h',
        state: 'idle',
        seats: 4,
        seatsUsed: index,
        tasks: [],
        restarts: 0,
        cpu: 0,
        rssBytes: 1,
        supervised: true,
      }),
    )
    expect(await store.builders.list()).toHaveLength(1)
  })
})
