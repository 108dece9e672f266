import { ulid } from 'ulidx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Fence, Store } from '../../domain/ports/store.ts'
import { STORES, type OpenedStore } from '../support/stores.ts'
import {
  acceptance,
  ANSWERED,
  answeredTurn,
  call,
  eventTypes,
  PART_UNDERSTANDING,
  partsFor,
  taskIn,
  USAGE,
} from '../support/stored-task.ts'

describe.each(Object.entries(STORES))('sub-tasks in %s', (_, open) => {
  let opened: OpenedStore
  let store: Store
  beforeAll(async () => {
    opened = await open()
    store = opened.store
  })
  afterAll(() => opened.close())

  /** A task with this budget that is built in two parts, each of them on a seat. */
  async function divided(budgetUsd?: number): Promise<{ whole: string; fences: readonly Fence[] }> {
    const constraints = budgetUsd === undefined ? {} : { budgetUsd }
    const { taskId: whole } = await taskIn(store, 'building', { constraints })
    const subtasks = await store.tasks.divide({ taskId: whole, subtasks: partsFor(2) })
    const change = { builder: { id: 'b1', seat: 1, attempt: 1 } }
    for (const { id: taskId } of subtasks)
      for (const to of ['understanding', 'queued', 'building'] as const)
        await store.tasks.move({ taskId, to, ...(to === 'building' && { change }) })
    return { whole, fences: subtasks.map(({ id: taskId }) => ({ taskId, seat: 1 })) }
  }

  it('are made once, whoever asks, in the order of their parts', async () => {
    const { taskId } = await taskIn(store, 'queued')
    const [first, second] = await Promise.all([
      store.tasks.divide({ taskId, subtasks: partsFor(3) }),
      opened.other.tasks.divide({ taskId, subtasks: partsFor(3) }),
    ])
    expect(second.map(({ id }) => id)).toEqual(first.map(({ id }) => id))
    expect(first.map(({ title }) => title)).toEqual(['Part 0', 'Part 1', 'Part 2'])
    expect(await store.tasks.subtasks(taskId)).toEqual(first)
    expect(await eventTypes(store, first[0]?.id ?? '')).toEqual(['task-received'])
  })

  it('are not made of a task that has ended', async () => {
    const { taskId } = await taskIn(store, 'queued')
    await store.tasks.move({ taskId, to: 'cancelled' })
    await expect(store.tasks.divide({ taskId, subtasks: partsFor(2) })).rejects.toMatchObject({ code: 'conflict' })
    expect(await store.tasks.subtasks(taskId)).toEqual([])
  })

  it('belong to whom the whole belongs, and stand in no list', async () => {
    const tenant = ulid()
    const { id: taskId } = (await store.tasks.accept(acceptance({ tenant, requester: 'key:9', channel: 'web' }))).task
    const [part] = await store.tasks.divide({ taskId, subtasks: partsFor(2) })
    expect(part).toMatchObject({ tenant, requester: 'key:9', channel: 'web', parentId: taskId })
    expect((await store.tasks.list({ tenant, limit: 200 })).items.map(({ id }) => id)).toEqual([taskId])
    expect((await store.tasks.find(part?.id ?? '', tenant))?.id).toBe(part?.id)
  })

  it('are understood, and not the sweeper’s to start', async () => {
    const { fences } = await divided()
    expect(await store.tasks.work(fences[0]?.taskId ?? '')).toMatchObject({
      ...{ understoodRound: 1, understanding: PART_UNDERSTANDING },
    })
    const missing = await store.tasks.unstarted({ olderThanMs: -1, limit: 10_000 })
    expect(fences.filter(({ taskId }) => missing.includes(taskId))).toEqual([])
    const quiet = await store.tasks.quiet({ olderThanMs: -1, after: '', limit: 10_000 })
    expect(fences.filter(({ taskId }) => quiet.includes(taskId))).toEqual([])
  })

  it('spend the budget of the whole: what one costs the other can no longer spend', async () => {
    const { whole, fences } = await divided(0.5)
    const [one, other] = fences as [Fence, Fence]
    await answeredTurn(store, one, [call(0)])
    expect((await store.conversations.beginTurn({ ...other, turn: 1 })).type).toBe('ready')
    await store.conversations.finishTurn({ ...other, ...ANSWERED, turn: 1, parts: [{ text: 'x' }], calls: [] })
    expect(await store.conversations.beginTurn({ ...one, turn: 2 })).toEqual({
      ...{ type: 'budget-reached', spentUsd: 0.5, budgetUsd: 0.5 },
    })
    expect((await store.tasks.find(whole))?.cost).toMatchObject({ usd: 0.5, modelCalls: 2, inputTokens: 200 })
    expect((await store.tasks.find(one.taskId))?.cost).toMatchObject({ usd: 0.25, modelCalls: 1 })
    await store.tasks.note({ taskId: whole, change: { budgetUsd: 1 } })
    expect((await store.conversations.beginTurn({ ...one, turn: 2 })).type).toBe('ready')
  })

  it('and their whole never wait for each other in a circle, when one is paid for while it moves', async () => {
    const { fences } = await divided()
    const refused: unknown[] = []
    const note = (error: unknown) => void refused.push(error)
    for (let round = 0; round < 20; round++)
      await Promise.all(
        fences.flatMap(({ taskId }) => [
          store.tasks.move({ taskId, to: round % 2 === 0 ? 'paused' : 'building' }).catch(note),
          opened.other.conversations.recordCall({ taskId, turn: 1, model: 'm', usage: USAGE, usd: 0.25 }).catch(note),
        ]),
      )
    expect(refused).toEqual([])
  })

  it('are told their own cost with an answered turn', async () => {
    const { fences } = await divided()
    for (const fence of fences) await store.conversations.beginTurn({ ...fence, turn: 1 })
    const turn = { ...ANSWERED, turn: 1, parts: [{ text: 'x' }], calls: [] }
    const answers = await Promise.all(fences.map((fence) => store.conversations.finishTurn({ ...fence, ...turn })))
    expect(answers.map(({ spentUsd }) => spentUsd)).toEqual([0.25, 0.25])
  })

  it('build on one base: the first that is fixed by any of them', async () => {
    const { whole, fences } = await divided()
    const [one, other] = fences as [Fence, Fence]
    expect(await store.artifacts.fixBase({ ...other, baseCommit: 'first' })).toBe('first')
    expect(await store.artifacts.base(one.taskId)).toBe('first')
    expect(await store.artifacts.fixBase({ ...one, baseCommit: 'later' })).toBe('first')
    expect(await store.artifacts.base(whole)).toBe('first')
  })

  it('show where they stand in the plan of the whole, however many move at once', async () => {
    const { whole, fences } = await divided()
    const plan = async () =>
      (await store.tasks.find(whole))?.progress.plan.map(({ status, taskId }) => [taskId, status])
    expect(await plan()).toEqual(fences.map(({ taskId }) => [taskId, 'in_progress']))
    await Promise.all(fences.map(({ taskId }) => store.tasks.move({ taskId, to: 'failed' })))
    expect(await plan()).toEqual(fences.map(({ taskId }) => [taskId, 'cancelled']))
  })

  it('stay in the plan of the whole beside what its own model plans, whichever is written later', async () => {
    const { whole, fences } = await divided()
    const plan = async () => (await store.tasks.find(whole))?.progress.plan.map(({ text, status }) => [text, status])
    const change = { builder: { id: 'b1', seat: 1, attempt: 1 } }
    await store.tasks.note({ taskId: whole, change })
    const fence = { taskId: whole, seat: 1 }
    await answeredTurn(store, fence, [call(0), call(1)])
    const noted = { ...fence, turn: 1, response: {}, ok: true, summary: '0 of 1 done' }
    for (const [position, text] of ['Look around', 'Put both together'].entries()) {
      const unbegun = call(position)
      await store.conversations.finishTool({ ...noted, position, unbegun, plan: [{ text, status: 'pending' }] })
    }
    const pair = ['tool-called', 'tool-finished']
    expect((await eventTypes(store, whole)).slice(-4)).toEqual([...pair, ...pair])
    const own = ['Put both together', 'pending']
    expect(await plan()).toEqual([['Part 0', 'in_progress'], ['Part 1', 'in_progress'], own])
    await store.tasks.move({ taskId: fences[1]?.taskId ?? '', to: 'failed' })
    expect(await plan()).toEqual([['Part 0', 'in_progress'], ['Part 1', 'cancelled'], own])
  })

  it('leave no text to the whole that they were told', async () => {
    const { taskId } = await taskIn(store, 'queued')
    await store.conversations.receive({ taskId, text: 'The parser.', from: 'key:1' })
    await store.tasks.divide({ taskId, subtasks: partsFor(2), told: 1 })
    await store.tasks.move({ taskId, to: 'building' })
    expect((await store.tasks.move({ taskId, to: 'verifying', unlessSteered: true })).moved).toBe(true)
  })

  it('leave text to the whole that came too late to be told to them', async () => {
    const { taskId } = await taskIn(store, 'queued')
    await store.conversations.receive({ taskId, text: 'The parser.', from: 'key:1' })
    await store.conversations.receive({ taskId, text: 'And the printer.', from: 'key:1' })
    await store.tasks.divide({ taskId, subtasks: partsFor(2), told: 1 })
    expect(await store.conversations.unread(taskId)).toEqual(['And the printer.'])
  })

  it('leave to the first turn of the whole what they were told, once, and not to its verification', async () => {
    const { taskId } = await taskIn(store, 'building')
    await store.tasks.divide({ taskId, subtasks: partsFor(2) })
    const told = { taskId, text: 'Keep it short.', from: 'key:1', key: 'update 1' }
    for (const kept of [told, told]) await store.conversations.keep(kept)
    expect(await store.conversations.unread(taskId)).toEqual([])
    expect(await store.conversations.beginTurn({ taskId, seat: 1, turn: 1 })).toEqual({
      type: 'ready',
      contents: [{ role: 'user', parts: [{ text: 'Keep it short.' }] }],
    })
    await store.tasks.move({ taskId, to: 'cancelled' })
    await store.conversations.keep({ ...told, key: 'update 2' })
    expect(await store.conversations.transcript(taskId)).toHaveLength(2)
  })

  it('ask the whole’s requester: its approvals are known there, and told there when they are decided', async () => {
    const { whole, fences } = await divided()
    const [one] = fences as [Fence]
    const { taskId } = one
    await answeredTurn(store, one, [call(0, { decision: 'ask' })])
    const at = { taskId, turn: 1, position: 0, expiresAt: '2030-01-01T00:00:00Z' }
    const { approvalId } = await store.conversations.openApproval(at)
    const change = { waiting: { for: 'approval' as const, approvalId } }
    await store.tasks.move({ taskId, to: 'awaiting_approval', change })
    expect(await store.conversations.hasApproval({ taskId: whole, approvalId })).toBe(true)
    expect((await store.conversations.taskOfApproval({ approvalId, tenant: 'default' }))?.id).toBe(whole)
    await store.conversations.decideApproval({ taskId, approvalId, decision: 'approve', by: 'key:1' })
    const events = await store.tasks.events({ taskId: whole, after: 0, limit: 100 })
    expect(events.at(-1)).toMatchObject({ type: 'approval-decided', data: { approvalId, subtaskId: taskId } })
  })
})
