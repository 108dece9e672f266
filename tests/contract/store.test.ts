import { ulid } from 'ulidx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStore } from '../../adapters/postgres/store.ts'
import type { Acceptance, Store } from '../../domain/ports/store.ts'
import type { TaskRequest, TaskState } from '../../domain/task.ts'
import { freshDatabase } from '../support/database.ts'

let store: Store
beforeAll(async () => {
  store = await openStore({ url: await freshDatabase(), connections: 8 })
})
afterAll(() => store.close())

const acceptance = (overrides: Partial<Acceptance> = {}, request: Partial<TaskRequest> = {}): Acceptance => ({
  id: `task-${ulid()}`,
  channel: 'api',
  tenant: 'default',
  requester: 'key:1',
  key: ulid(),
  digest: 'd1',
  request: { prompt: 'Fix the parser', ...request },
  ...overrides,
})

async function acceptedTask(request: Partial<TaskRequest> = {}): Promise<string> {
  return (await store.tasks.accept(acceptance({}, request))).task.id
}

async function taskIn(state: TaskState, request: Partial<TaskRequest> = {}): Promise<{ taskId: string; seat: number }> {
  const taskId = await acceptedTask(request)
  const way: TaskState[] = ['understanding', 'queued', 'building', 'verifying', 'delivering', 'completed']
  for (const to of way.slice(0, way.indexOf(state) + 1))
    await store.tasks.move({
      taskId,
      to,
      ...(to === 'building' && { change: { builder: { id: 'b1', seat: 1, attempt: 1 } } }),
    })
  return { taskId, seat: 1 }
}

const usage = { inputTokens: 100, outputTokens: 10, thoughtTokens: 5, cachedTokens: 20 }
const call = (position: number, name = 'read_file') => ({
  position,
  id: `c${position}`,
  name,
  args: { z: 1, a: 2 },
  decision: 'allow' as const,
})
const answered = { model: 'm', finishReason: 'STOP', usage, usd: 0.25 }

describe('accepting a task', () => {
  it('gives the same task for the same key and body, and one event', async () => {
    const request = acceptance()
    const first = await store.tasks.accept(request)
    const second = await store.tasks.accept({ ...request, id: `task-${ulid()}` })
    expect([first.created, second.created]).toEqual([true, false])
    expect(second.task.id).toBe(first.task.id)
    const events = await store.tasks.events({ taskId: first.task.id, after: 0, limit: 10 })
    expect(events.map(({ type, sequence }) => [type, sequence])).toEqual([['task-received', 1]])
  })

  it('refuses the key for another body', async () => {
    const request = acceptance()
    await store.tasks.accept(request)
    await expect(store.tasks.accept({ ...request, id: `task-${ulid()}`, digest: 'd2' })).rejects.toMatchObject({
      code: 'idempotency_key_reused',
    })
  })

  it('makes one task of 20 simultaneous requests with one key', async () => {
    const request = acceptance()
    const all = await Promise.all(
      Array.from({ length: 20 }, () => store.tasks.accept({ ...request, id: `task-${ulid()}` })),
    )
    expect(new Set(all.map(({ task }) => task.id)).size).toBe(1)
    expect(all.filter(({ created }) => created)).toHaveLength(1)
  })

  it('keeps keys of tenants and channels apart', async () => {
    const request = acceptance()
    const other = await store.tasks.accept({ ...request, id: `task-${ulid()}`, tenant: 'other' })
    expect((await store.tasks.accept(request)).task.id).not.toBe(other.task.id)
  })

  it('names a task by the first line of its prompt until it has a title', async () => {
    const task = await store.tasks.find(await acceptedTask({ prompt: `\n${'x'.repeat(100)}\nmore` }))
    expect(task?.title).toBe(`${'x'.repeat(79)}…`)
  })
})

describe('finding and listing', () => {
  it("hides another tenant's task", async () => {
    const id = await acceptedTask()
    expect(await store.tasks.find(id, 'somebody-else')).toBeUndefined()
    expect((await store.tasks.find(id, 'default'))?.id).toBe(id)
  })

  it('pages newest first without gaps or repeats', async () => {
    const tenant = ulid()
    const ids: string[] = []
    for (let count = 0; count < 7; count++) ids.push((await store.tasks.accept(acceptance({ tenant }))).task.id)
    const seen: string[] = []
    for (let cursor: string | undefined; ;) {
      const page = await store.tasks.list({ tenant, limit: 3, ...(cursor !== undefined && { cursor }) })
      seen.push(...page.items.map((task) => task.id))
      if (page.nextCursor === null) break
      cursor = page.nextCursor
    }
    expect(seen).toEqual(ids.toSorted().toReversed())
  })

  it('finds words literally, wildcards included', async () => {
    const tenant = ulid()
    await store.tasks.accept(acceptance({ tenant }, { prompt: 'grow by 100%_now' }))
    await store.tasks.accept(acceptance({ tenant }, { prompt: 'grow by 100 xnow' }))
    const { items } = await store.tasks.list({ tenant, q: '100%_', limit: 10 })
    expect(items.map((task) => task.prompt)).toEqual(['grow by 100%_now'])
  })

  it('refuses a cursor it never gave', async () => {
    for (const cursor of ['x', 'dGFzay0x', '%00', Buffer.from("task-' or 1=1").toString('base64url')])
      await expect(store.tasks.list({ tenant: 't', limit: 1, cursor })).rejects.toMatchObject({
        code: 'invalid_cursor',
      })
  })
})

describe('moving a task', () => {
  it('writes state, change and events together and numbers events without gaps', async () => {
    const { taskId } = await taskIn('understanding')
    const { task } = await store.tasks.move({
      taskId,
      to: 'queued',
      change: { title: 'Named' },
      events: [{ type: 'task-understood' }, { type: 'task-queued', data: { priority: 3 } }],
    })
    expect(task).toMatchObject({ state: 'queued', title: 'Named', progress: { lastEvent: 'task-queued' } })
    const events = await store.tasks.events({ taskId, after: 1, limit: 10 })
    expect(events.map(({ sequence, type, data }) => ({ sequence, type, data }))).toEqual([
      { sequence: 2, type: 'task-understood', data: {} },
      { sequence: 3, type: 'task-queued', data: { priority: 3 } },
    ])
  })

  it('does nothing twice when the task is there already', async () => {
    const { taskId } = await taskIn('understanding')
    const move = { taskId, to: 'queued', events: [{ type: 'task-queued' }] } as const
    await store.tasks.move(move)
    await store.tasks.move(move)
    expect(await store.tasks.events({ taskId, after: 1, limit: 10 })).toHaveLength(1)
  })

  it('refuses what the transition table does not allow', async () => {
    const { taskId } = await taskIn('building')
    await expect(store.tasks.move({ taskId, to: 'completed' })).rejects.toMatchObject({ code: 'conflict' })
  })

  it('stays where it is when text waits for the model', async () => {
    const { taskId, seat } = await taskIn('building')
    await store.conversations.receive({ taskId, text: 'also add a test', from: 'u' })
    expect((await store.tasks.move({ taskId, to: 'verifying', unlessSteered: true })).moved).toBe(false)
    await store.conversations.beginTurn({ taskId, seat, turn: 1 })
    expect((await store.tasks.move({ taskId, to: 'verifying', unlessSteered: true })).moved).toBe(true)
  })

  it('accepts no event after the end', async () => {
    const { taskId } = await taskIn('building')
    await store.tasks.move({ taskId, to: 'cancelled', events: [{ type: 'task-ended' }] })
    await store.tasks.note({ taskId, events: [{ type: 'builder-lost' }] })
    const events = await store.tasks.events({ taskId, after: 0, limit: 50 })
    expect(events.at(-1)?.type).toBe('task-ended')
  })

  it('wakes watchers in another connection', async () => {
    const taskId = await acceptedTask()
    let stop: () => void = () => undefined
    const woken = new Promise<void>((resolve) => {
      void store.tasks.subscribe(taskId, resolve).then(async (unsubscribe) => {
        stop = unsubscribe
        await store.tasks.move({ taskId, to: 'understanding', events: [{ type: 'task-understood' }] })
      })
    })
    await expect(woken).resolves.toBeUndefined()
    stop()
  })
})

describe('the fence', () => {
  const writes: Readonly<Record<string, (fence: { taskId: string; seat: number }) => Promise<unknown>>> = {
    beginTurn: (fence) => store.conversations.beginTurn({ ...fence, turn: 1 }),
    finishTurn: (fence) => store.conversations.finishTurn({ ...fence, ...answered, turn: 1, parts: [], calls: [] }),
    beginTool: (fence) => store.conversations.beginTool({ ...fence, turn: 1, position: 0 }),
    finishTool: (fence) =>
      store.conversations.finishTool({ ...fence, turn: 1, position: 0, response: {}, ok: true, summary: '' }),
    fixBase: (fence) => store.artifacts.fixBase({ ...fence, baseCommit: 'c' }),
    saveDelivery: (fence) => store.artifacts.saveDelivery({ ...fence, commit: 'c', patch: Buffer.from('') }),
    saveReceipt: (fence) =>
      store.artifacts.saveReceipt({
        ...fence,
        receipt: { version: 1, evidence: '', signature: '', publicKey: '', keyId: '' },
      }),
    assertSeat: (fence) => store.artifacts.assertSeat(fence),
  }

  it.each(Object.keys(writes))('refuses %s from an older seat', async (name) => {
    const { taskId } = await taskIn('building')
    await store.tasks.note({ taskId, change: { builder: { id: 'b2', seat: 2, attempt: 2 } } })
    await expect(writes[name]?.({ taskId, seat: 1 })).rejects.toMatchObject({ code: 'seat_lost' })
  })

  it('refuses everything once the task has ended', async () => {
    const fence = await taskIn('building')
    await store.tasks.move({ taskId: fence.taskId, to: 'cancelled' })
    await expect(store.artifacts.assertSeat(fence)).rejects.toMatchObject({ code: 'seat_lost' })
  })
})

describe('model turns', () => {
  it('returns an answered turn instead of asking again', async () => {
    const fence = await taskIn('building')
    expect(await store.conversations.beginTurn({ ...fence, turn: 1 })).toEqual({ type: 'ready', contents: [] })
    const parts = [{ functionCall: { id: 'c0', name: 'read_file', args: { z: 1, a: 2 } }, thoughtSignature: 'sig==' }]
    await store.conversations.finishTurn({ ...fence, ...answered, turn: 1, parts, calls: [call(0)] })
    const again = await store.conversations.beginTurn({ ...fence, turn: 1 })
    expect(again).toMatchObject({ type: 'answered', turn: { number: 1, calls: [{ id: 'c0', state: 'pending' }] } })
  })

  it('gives parts back with the order of their keys, so that model signatures hold', async () => {
    const fence = await taskIn('building')
    await store.conversations.beginTurn({ ...fence, turn: 1 })
    const parts = [
      { thoughtSignature: 'AAA+/=', functionCall: { name: 'read_file', args: { z: { y: 1, b: 2 }, a: [] }, id: 'c0' } },
      { text: '', thoughtSignature: 'BBB' },
    ]
    await store.conversations.finishTurn({ ...fence, ...answered, turn: 1, parts, calls: [call(0)] })
    await store.conversations.beginTool({ ...fence, turn: 1, position: 0 })
    await store.conversations.finishTool({
      ...fence,
      turn: 1,
      position: 0,
      response: { output: 'x' },
      ok: true,
      summary: 's',
    })
    const next = await store.conversations.beginTurn({ ...fence, turn: 2 })
    expect(JSON.stringify(next)).toContain(JSON.stringify({ role: 'model', parts }))
  })

  it('puts function responses in one content in the order of the calls, then waiting text once', async () => {
    const fence = await taskIn('building')
    await store.conversations.beginTurn({ ...fence, turn: 1 })
    await store.conversations.finishTurn({
      ...fence,
      ...answered,
      turn: 1,
      parts: [{ text: 'a' }],
      calls: [call(0), call(1)],
    })
    for (const position of [1, 0]) {
      await store.conversations.beginTool({ ...fence, turn: 1, position })
      await store.conversations.finishTool({
        ...fence,
        turn: 1,
        position,
        response: { output: `r${position}` },
        ok: true,
        summary: '',
      })
    }
    await store.conversations.receive({ taskId: fence.taskId, text: 'steer me', from: 'u' })
    const expected = [
      { role: 'model', parts: [{ text: 'a' }] },
      {
        role: 'user',
        parts: [0, 1].map((n) => ({
          functionResponse: { id: `c${n}`, name: 'read_file', response: { output: `r${n}` } },
        })),
      },
      { role: 'user', parts: [{ text: 'steer me' }] },
    ]
    expect(await store.conversations.beginTurn({ ...fence, turn: 2 })).toEqual({ type: 'ready', contents: expected })
    expect(await store.conversations.beginTurn({ ...fence, turn: 2 })).toEqual({ type: 'ready', contents: expected })
  })

  it('adds up the cost of every answered call, the understanding step included', async () => {
    const fence = await taskIn('building')
    await store.conversations.recordCall({ taskId: fence.taskId, turn: 0, model: 'm', usage, usd: 0.1 })
    await store.conversations.beginTurn({ ...fence, turn: 1 })
    await store.conversations.finishTurn({ ...fence, ...answered, turn: 1, parts: [], calls: [] })
    expect((await store.tasks.find(fence.taskId))?.cost).toEqual({
      usd: 0.35,
      inputTokens: 200,
      outputTokens: 20,
      thoughtTokens: 10,
      cachedTokens: 40,
      modelCalls: 2,
    })
  })

  it('stops before a call that the budget or the turn limit does not allow', async () => {
    const fence = await taskIn('building', { constraints: { budgetUsd: 0.2, maxTurns: 1 } })
    await store.conversations.beginTurn({ ...fence, turn: 1 })
    await store.conversations.finishTurn({ ...fence, ...answered, turn: 1, parts: [], calls: [] })
    expect(await store.conversations.beginTurn({ ...fence, turn: 2 })).toEqual({ type: 'turns-reached', maxTurns: 1 })
    const rich = await taskIn('building', { constraints: { budgetUsd: 0.2 } })
    await store.conversations.recordCall({ taskId: rich.taskId, turn: 0, model: 'm', usage, usd: 0.2 })
    expect(await store.conversations.beginTurn({ ...rich, turn: 1 })).toMatchObject({ type: 'budget-reached' })
    await store.tasks.note({ taskId: rich.taskId, change: { budgetUsd: 0.3 } })
    expect(await store.conversations.beginTurn({ ...rich, turn: 1 })).toMatchObject({ type: 'ready' })
  })

  it('says which turn to go on with', async () => {
    const fence = await taskIn('building')
    const next = () => store.conversations.nextTurn(fence.taskId)
    expect(await next()).toBe(1)
    await store.conversations.beginTurn({ ...fence, turn: 1 })
    expect(await next()).toBe(1)
    await store.conversations.finishTurn({ ...fence, ...answered, turn: 1, parts: [], calls: [call(0)] })
    expect(await next()).toBe(1)
    await store.conversations.beginTool({ ...fence, turn: 1, position: 0 })
    await store.conversations.finishTool({ ...fence, turn: 1, position: 0, response: {}, ok: true, summary: '' })
    expect(await next()).toBe(2)
  })
})

describe('tool calls', () => {
  async function withCall() {
    const fence = await taskIn('building')
    await store.conversations.beginTurn({ ...fence, turn: 1 })
    await store.conversations.finishTurn({ ...fence, ...answered, turn: 1, parts: [], calls: [call(0)] })
    return { ...fence, turn: 1, position: 0 }
  }

  it('writes one tool-called and one tool-finished however often the step is repeated', async () => {
    const at = await withCall()
    expect(await store.conversations.beginTool(at)).toMatchObject({ type: 'run', repeated: false })
    expect(await store.conversations.beginTool(at)).toMatchObject({ type: 'run', repeated: true })
    const result = { ...at, response: { output: 'x' }, ok: true, summary: 'done' }
    await store.conversations.finishTool(result)
    await store.conversations.finishTool({ ...result, response: { output: 'other' } })
    expect(await store.conversations.beginTool(at)).toEqual({ type: 'finished' })
    const types = (await store.tasks.events({ taskId: at.taskId, after: 0, limit: 50 })).map((event) => event.type)
    expect(types.filter((type) => type.startsWith('tool-'))).toEqual(['tool-called', 'tool-finished'])
    expect(JSON.stringify(await store.conversations.transcript(at.taskId))).not.toContain('other')
  })

  it('keeps the checkpoint of the last finished step', async () => {
    const at = await withCall()
    await store.conversations.beginTool(at)
    const checkpoint = { commit: 'c'.repeat(40), tree: 't'.repeat(40), bundle: Buffer.from([0, 1, 255]) }
    await store.conversations.finishTool({ ...at, response: {}, ok: true, summary: '', checkpoint })
    expect((await store.tasks.work(at.taskId)).latestCheckpoint).toEqual(checkpoint)
  })
})

describe('questions and approvals', () => {
  it('makes the answer the function response of that ask_user', async () => {
    const fence = await taskIn('building')
    await store.conversations.beginTurn({ ...fence, turn: 1 })
    await store.conversations.finishTurn({
      ...fence,
      ...answered,
      turn: 1,
      parts: [{ text: 'q' }],
      calls: [call(0, 'ask_user')],
    })
    await store.conversations.beginTool({ ...fence, turn: 1, position: 0 })
    await store.tasks.move({ taskId: fence.taskId, to: 'awaiting_input' })
    expect(await store.conversations.receive({ taskId: fence.taskId, text: 'blue', from: 'u' })).toBe('answer')
    await store.tasks.move({ taskId: fence.taskId, to: 'building' })
    const next = await store.conversations.beginTurn({ ...fence, turn: 2 })
    expect(JSON.stringify(next)).toContain(
      '{"functionResponse":{"id":"c0","name":"ask_user","response":{"output":"blue"}}}',
    )
  })

  it('takes no text once the verifier has the work', async () => {
    const { taskId } = await taskIn('verifying')
    await expect(store.conversations.receive({ taskId, text: 'x', from: 'u' })).rejects.toMatchObject({
      code: 'conflict',
    })
  })

  async function waitingForApproval() {
    const fence = await taskIn('building')
    await store.conversations.beginTurn({ ...fence, turn: 1 })
    await store.conversations.finishTurn({
      ...fence,
      ...answered,
      turn: 1,
      parts: [],
      calls: [{ ...call(0), decision: 'ask' }],
    })
    const at = { taskId: fence.taskId, turn: 1, position: 0 }
    const { approvalId } = await store.conversations.openApproval({ ...at, expiresAt: '2030-01-01T00:00:00Z' })
    const again = await store.conversations.openApproval({ ...at, expiresAt: '2031-01-01T00:00:00Z' })
    expect(again.approvalId).toBe(approvalId)
    await store.tasks.move({
      taskId: fence.taskId,
      to: 'awaiting_approval',
      change: { waiting: { for: 'approval', approvalId } },
    })
    return { ...at, approvalId }
  }

  it('lets the first of 10 simultaneous decisions win', async () => {
    const { taskId, approvalId } = await waitingForApproval()
    const decisions = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) =>
        store.conversations.decideApproval({
          taskId,
          approvalId,
          decision: index % 2 ? 'approve' : 'reject',
          by: `u${index}`,
        }),
      ),
    )
    expect(decisions.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const decision of decisions)
      if (decision.status === 'rejected') expect(decision.reason).toMatchObject({ code: 'conflict' })
  })

  it('turns an approval into permission and a rejection into the call’s response', async () => {
    const approved = await waitingForApproval()
    await store.conversations.decideApproval({ ...approved, decision: 'approve', by: 'u' })
    expect(await store.conversations.call(approved)).toMatchObject({ decision: 'allow', state: 'pending' })
    const rejected = await waitingForApproval()
    await store.conversations.decideApproval({ ...rejected, decision: 'reject', comment: 'too risky', by: 'u' })
    expect(await store.conversations.call(rejected)).toMatchObject({ state: 'finished' })
    expect(JSON.stringify(await store.conversations.transcript(rejected.taskId))).toContain('too risky')
  })

  it('knows no approval of another task', async () => {
    const { approvalId } = await waitingForApproval()
    const taskId = await acceptedTask()
    await expect(
      store.conversations.decideApproval({ taskId, approvalId, decision: 'approve', by: 'u' }),
    ).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('keys and builders', () => {
  it('finds a key by its hash until it is revoked or expires', async () => {
    const key = { name: 'ci', tenant: 't', roles: ['submitter' as const] }
    await store.keys.create({ ...key, id: 'k1', hash: 'h1' })
    await store.keys.create({ ...key, id: 'k2', hash: 'h2', expiresAt: '2020-01-01T00:00:00Z' })
    expect((await store.keys.findByHash('h1'))?.id).toBe('k1')
    expect(await store.keys.findByHash('h2')).toBeUndefined()
    expect(await store.keys.revoke('k1', 'other')).toBe(false)
    expect(await store.keys.revoke('k1', 't')).toBe(true)
    expect(await store.keys.findByHash('h1')).toBeUndefined()
  })

  it('remembers builders and which tasks they were given', async () => {
    const builder = {
      id: 'bx',
      pid: 1,
      host: 'h',
      state: 'idle' as const,
      seats: 4,
      seatsUsed: 0,
      tasks: [],
      restarts: 0,
      cpu: 0,
      rssBytes: 1,
    }
    await store.builders.report(builder)
    await store.builders.report({ ...builder, state: 'busy', seatsUsed: 1, tasks: ['task-1'] })
    expect(await store.builders.list()).toMatchObject([{ id: 'bx', state: 'busy', tasks: ['task-1'] }])
    await store.builders.remove('bx')
    expect(await store.builders.list()).toEqual([])
    const { taskId } = await taskIn('building')
    expect(await store.tasks.heldBy('b1')).toContain(taskId)
  })
})
