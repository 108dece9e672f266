import { ulid } from 'ulidx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store, TaskFilter } from '../../domain/ports/store.ts'
import type { TaskRequest } from '../../domain/task.ts'
import { STORES, type OpenedStore } from '../support/stores.ts'
import { acceptance, answeredTurn, call, eventTypes, finishedCall, taskIn } from '../support/stored-task.ts'

describe.each(Object.entries(STORES))('the tasks of %s', (_, open) => {
  let opened: OpenedStore
  let store: Store
  beforeAll(async () => {
    opened = await open()
    store = opened.store
  })
  afterAll(() => opened.close())

  const accepted = async (request: Partial<TaskRequest> = {}, tenant = 'default') =>
    (await store.tasks.accept(acceptance({ tenant }, request))).task

  describe('accepting', () => {
    it('gives the same task for the same key and body, and one event', async () => {
      const request = acceptance()
      const first = await store.tasks.accept(request)
      const second = await opened.other.tasks.accept({ ...request, id: `task-${ulid()}` })
      expect([first.created, second.created]).toEqual([true, false])
      expect(second.task).toEqual(first.task)
      expect(await eventTypes(store, first.task.id)).toEqual(['task-received'])
      expect(await store.tasks.accepted(request)).toEqual(first.task)
    })

    it('refuses the key for another body', async () => {
      const request = acceptance()
      await store.tasks.accept(request)
      const other = { ...request, id: `task-${ulid()}`, digest: 'd2' }
      await expect(store.tasks.accept(other)).rejects.toMatchObject({ code: 'idempotency_key_reused' })
      await expect(store.tasks.accepted(other)).rejects.toMatchObject({ code: 'idempotency_key_reused' })
    })

    it('keeps keys of tenants and channels apart', async () => {
      const request = acceptance()
      const ids = new Set<string>()
      for (const change of [{}, { tenant: 'other' }, { channel: 'telegram' }])
        ids.add((await store.tasks.accept({ ...request, id: `task-${ulid()}`, ...change })).task.id)
      expect(ids.size).toBe(3)
      expect(await store.tasks.accepted({ ...request, channel: 'whatsapp' })).toBeUndefined()
    })

    it('starts with what was asked for, and with the defaults for the rest', async () => {
      expect(await accepted()).toMatchObject({
        ...{ state: 'received', kind: 'code', priority: 3, repository: null, acceptance: null, labels: [] },
        ...{ progress: { turn: 0, maxTurns: 100, plan: [], lastEvent: 'task-received' }, constraints: {} },
        cost: { usd: 0, inputTokens: 0, outputTokens: 0, thoughtTokens: 0, cachedTokens: 0, modelCalls: 0 },
      })
      const constraints = { budgetUsd: 2.5, maxTurns: 7, approvalMode: 'plan' as const }
      const asked = {
        kind: 'data' as const,
        priority: 1 as const,
        labels: ['a'],
        constraints,
        repository: { url: 'https://x/y' },
      }
      expect(await accepted({ ...asked, title: 'T' })).toMatchObject({
        ...asked,
        title: 'T',
        progress: { maxTurns: 7 },
      })
    })

    it('names a task by the first line of its prompt until it has a title', async () => {
      expect((await accepted({ prompt: `\n${'🚀'.repeat(100)}\nmore` })).title).toBe(`${'🚀'.repeat(79)}…`)
      expect((await accepted({ prompt: ' \n ' })).title).toBe('Task')
    })
  })

  describe('finding and listing', () => {
    const idsOf = async (filter: Omit<TaskFilter, 'limit'>) =>
      (await store.tasks.list({ limit: 200, ...filter })).items.map(({ id }) => id)

    it('hides another tenant’s task', async () => {
      const { id } = await accepted()
      expect(await store.tasks.find(id, 'somebody-else')).toBeUndefined()
      expect((await store.tasks.find(id, 'default'))?.id).toBe(id)
      expect(await store.tasks.find('task-unknown')).toBeUndefined()
    })

    it('pages newest first without gaps or repeats', async () => {
      const tenant = ulid()
      const ids: string[] = []
      for (let count = 0; count < 7; count++) ids.push((await accepted({}, tenant)).id)
      const seen: string[] = []
      for (let cursor: string | null | undefined; cursor !== null;) {
        const page = await store.tasks.list({ tenant, limit: 3, ...(cursor !== undefined && { cursor }) })
        seen.push(...page.items.map(({ id }) => id))
        cursor = page.nextCursor
      }
      expect(seen).toEqual(ids.toSorted().toReversed())
    })

    it('filters by state, kind, requester and words, all at once', async () => {
      const tenant = ulid()
      const make = async (requester: string, request: Partial<TaskRequest>) =>
        (await store.tasks.accept(acceptance({ tenant, requester }, request))).task.id
      const [wanted] = await Promise.all([
        make('ada', { kind: 'data', prompt: 'Sum the INVOICES' }),
        make('ada', { kind: 'code', prompt: 'Sum the invoices' }),
        make('ada', { kind: 'data', prompt: 'Sum the orders' }),
        make('bob', { kind: 'data', prompt: 'Sum the invoices' }),
      ])
      expect(await idsOf({ tenant, requester: 'ada', kind: 'data', state: 'received', q: 'invoices' })).toEqual([
        wanted,
      ])
      expect(await idsOf({ tenant, state: 'queued' })).toEqual([])
      expect(await idsOf({ tenant, kind: 'data' })).toHaveLength(3)
    })

    it.each(['100%_', 'a\\b', "O'Hara", '⚙️ größe'])('finds %j literally, in title or prompt', async (words) => {
      const tenant = ulid()
      const [inPrompt, inTitle] = [
        await accepted({ prompt: `x ${words} y` }, tenant),
        await accepted({ title: words }, tenant),
      ]
      await accepted({ prompt: '100 xnow a/b O Hara' }, tenant)
      expect(await idsOf({ tenant, q: words })).toEqual([inPrompt.id, inTitle.id].toSorted().toReversed())
    })

    it('refuses a cursor it never gave', async () => {
      const forged = ["task-' or 1=1", 'task-0', ''].map((text) => Buffer.from(text).toString('base64url'))
      for (const cursor of ['x', '%00', ...forged])
        await expect(store.tasks.list({ tenant: 't', limit: 1, cursor })).rejects.toMatchObject({
          code: 'invalid_cursor',
        })
    })

    it('gives events after a number, as many as asked for', async () => {
      const { id: taskId } = await accepted()
      await store.tasks.note({
        taskId,
        events: Array.from({ length: 5 }, (_, n) => ({ type: 'message-sent', data: { n } })),
      })
      const page = await store.tasks.events({ taskId, after: 2, limit: 2 })
      expect(page.map(({ sequence, data }) => [sequence, data])).toEqual([
        [3, { n: 1 }],
        [4, { n: 2 }],
      ])
      expect(await store.tasks.events({ taskId, after: 6, limit: 2 })).toEqual([])
    })
  })

  describe('moving and noting', () => {
    it('writes state, change and events together and numbers events without gaps', async () => {
      const { taskId } = await taskIn(store, 'understanding')
      const { task, moved } = await store.tasks.move({
        ...{ taskId, to: 'queued', change: { title: 'Named', priority: 2 } },
        events: [{ type: 'task-understood' }, { type: 'task-queued', data: { priority: 2 } }],
      })
      expect(moved).toBe(true)
      expect(task).toMatchObject({
        state: 'queued',
        title: 'Named',
        priority: 2,
        progress: { lastEvent: 'task-queued' },
      })
      expect(await opened.other.tasks.find(taskId)).toEqual(task)
      expect(await eventTypes(store, taskId)).toEqual(['task-received', 'task-understood', 'task-queued'])
    })

    it('does nothing twice when the task is there already', async () => {
      const { taskId } = await taskIn(store, 'understanding')
      const move = { taskId, to: 'queued', events: [{ type: 'task-queued' }] } as const
      for (let count = 0; count < 3; count++) expect((await store.tasks.move(move)).moved).toBe(true)
      expect(await eventTypes(store, taskId)).toEqual(['task-received', 'task-queued'])
    })

    it('refuses what the transition table does not allow, and leaves no trace of it', async () => {
      const { taskId } = await taskIn(store, 'building')
      const before = await store.tasks.find(taskId)
      const move = { taskId, to: 'completed', change: { title: 'No' }, events: [{ type: 'task-ended' }] } as const
      await expect(store.tasks.move(move)).rejects.toMatchObject({ code: 'conflict' })
      expect(await store.tasks.find(taskId)).toEqual(before)
      await expect(store.tasks.move({ ...move, taskId: 'task-0' })).rejects.toMatchObject({ code: 'not_found' })
      await expect(store.tasks.note({ taskId: 'task-0' })).rejects.toMatchObject({ code: 'not_found' })
    })

    it('stays where it is when text waits for the model', async () => {
      const fence = await taskIn(store, 'building')
      const move = {
        taskId: fence.taskId,
        to: 'verifying',
        unlessSteered: true,
        events: [{ type: 'message-sent' }],
      } as const
      await store.conversations.receive({ taskId: fence.taskId, text: 'also add a test', from: 'u' })
      expect(await store.tasks.move(move)).toMatchObject({ moved: false, task: { state: 'building' } })
      await store.conversations.beginTurn({ ...fence, turn: 1 })
      expect(await store.tasks.move(move)).toMatchObject({ moved: true, task: { state: 'verifying' } })
      expect(await eventTypes(store, fence.taskId)).toEqual(['task-received', 'turn-started', 'message-sent'])
    })

    it('moves only out of the state it is told to come from, and tells where the task is', async () => {
      const [queued, building] = [await taskIn(store, 'queued'), await taskIn(store, 'building')]
      const move = { from: 'queued', to: 'building', events: [{ type: 'builder-assigned' }] } as const
      expect(await store.tasks.move({ ...move, taskId: queued.taskId })).toMatchObject({ moved: true })
      const stays = { moved: false, seat: building.seat, task: { state: 'building' } }
      expect(await store.tasks.move({ ...move, taskId: building.taskId })).toMatchObject(stays)
      expect(await eventTypes(store, queued.taskId)).toContain('builder-assigned')
      expect(await eventTypes(store, building.taskId)).not.toContain('builder-assigned')
    })

    it('keeps what a task waits for until it is cleared or the task ends', async () => {
      const { taskId } = await taskIn(store, 'building')
      const waiting = { for: 'input' as const, question: 'Which ‘one’?' }
      expect((await store.tasks.move({ taskId, to: 'awaiting_input', change: { waiting } })).task.waiting).toEqual(
        waiting,
      )
      expect((await store.tasks.note({ taskId, change: { title: 'x' } })).task.waiting).toEqual(waiting)
      expect(
        (await store.tasks.move({ taskId, to: 'building', change: { waiting: null } })).task.waiting,
      ).toBeUndefined()
      await store.tasks.move({ taskId, to: 'awaiting_input', change: { waiting } })
      const { task } = await store.tasks.move({ taskId, to: 'cancelled', change: { waiting } })
      expect([task.waiting, Date.parse(task.endedAt ?? '')]).toEqual([undefined, expect.any(Number)])
    })

    it('accepts neither event nor change after the end', async () => {
      const { taskId } = await taskIn(store, 'building')
      const error = { code: 'expired' as const, message: 'too late', retryable: false }
      const { task } = await store.tasks.move({
        taskId,
        to: 'expired',
        change: { error },
        events: [{ type: 'task-ended' }],
      })
      expect(task.error).toEqual(error)
      const late = await store.tasks.note({ taskId, change: { title: 'No' }, events: [{ type: 'builder-lost' }] })
      expect(late.task).toEqual(task)
      expect((await eventTypes(store, taskId)).at(-1)).toBe('task-ended')
      for (const to of ['building', 'completed', 'failed'] as const)
        await expect(store.tasks.move({ taskId, to })).rejects.toMatchObject({ code: 'conflict' })
    })

    it('ends the calls that still run with the task', async () => {
      const at = await answeredTurn(store, await taskIn(store, 'building'), [call(0), call(1), call(2)])
      await finishedCall(store, { ...at, position: 0 })
      await store.conversations.beginTool({ ...at, position: 1 })
      await store.tasks.move({ taskId: at.taskId, to: 'cancelled', events: [{ type: 'task-ended' }] })
      const types = (await eventTypes(store, at.taskId)).slice(2)
      expect(types).toEqual(['tool-called', 'tool-finished', 'tool-called', 'tool-finished', 'task-ended'])
    })
  })

  describe('work and workers', () => {
    it('gives a worker everything it needs of a task', async () => {
      const { taskId, seat } = await taskIn(store, 'building', { labels: ['x'] })
      const understanding = {
        title: 'T',
        kind: 'code',
        summary: 's',
        priority: 2,
        risk: 'low',
        needsRepository: true,
      } as const
      const route = { strategy: 'standard', model: 'm', profile: 'engineering' } as const
      await store.tasks.note({ taskId, change: { understanding, route } })
      const work = await opened.other.tasks.work(taskId)
      expect(work).toMatchObject({ seat, understanding, route, request: { prompt: 'Fix the parser', labels: ['x'] } })
      expect(work.task).toEqual(await store.tasks.find(taskId))
      expect([await store.artifacts.base(taskId), await store.artifacts.checkpoint(taskId)]).toEqual([
        undefined,
        undefined,
      ])
      await expect(store.tasks.work('task-0')).rejects.toMatchObject({ code: 'not_found' })
    })

    it('names tasks whose workflow was not seen started, until they are or have ended', async () => {
      const [waiting, started, moved, ended] = [await accepted(), await accepted(), await accepted(), await accepted()]
      await store.tasks.markStarted(started.id)
      await store.tasks.move({ taskId: moved.id, to: 'understanding' })
      await store.tasks.move({ taskId: ended.id, to: 'cancelled' })
      const unstarted = await store.tasks.unstarted({ olderThanMs: 0, limit: 1_000 })
      expect(unstarted).toContain(waiting.id)
      for (const { id } of [started, moved]) expect(unstarted).not.toContain(id)
      expect(unstarted).not.toContain(ended.id)
      expect(await store.tasks.unstarted({ olderThanMs: 60_000, limit: 1_000 })).toEqual([])
      expect(await store.tasks.unstarted({ olderThanMs: 0, limit: 1 })).toHaveLength(1)
    })

    it('names the tasks a builder holds, until they end or another has them', async () => {
      const tasks = [await taskIn(store, 'building'), await taskIn(store, 'building'), await taskIn(store, 'building')]
      const [kept, moved, ended] = tasks.map(({ taskId }) => taskId) as [string, string, string]
      await store.tasks.note({ taskId: moved, change: { builder: { id: 'b2', seat: 2, attempt: 2 } } })
      await store.tasks.move({ taskId: ended, to: 'failed' })
      const held = await store.tasks.heldBy('b1')
      expect([kept, moved, ended].map((id) => held.includes(id))).toEqual([true, false, false])
      expect(await store.tasks.heldBy('b2')).toEqual([moved])
      expect((await store.tasks.find(moved))?.builder).toEqual({ id: 'b2', attempt: 2 })
    })
  })
})
