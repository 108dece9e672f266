import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Fence, Store } from '../../domain/ports/store.ts'
import { STORES, type OpenedStore } from '../support/stores.ts'
import { answeredTurn, call, eventTypes, finishedCall, partIn, taskIn } from '../support/stored-task.ts'

const EXPIRES = '2090-01-01T00:00:00Z'

describe.each(Object.entries(STORES))('people in the conversations of %s', (_, open) => {
  let opened: OpenedStore
  let store: Store
  beforeAll(async () => {
    opened = await open()
    store = opened.store
  })
  afterAll(() => opened.close())

  const say = (taskId: string, text: string) => opened.other.conversations.receive({ taskId, text, from: 'ada' })
  const contentsBefore = async (at: Fence & { readonly turn: number }): Promise<string> =>
    JSON.stringify(await store.conversations.beginTurn(at))

  describe('a question', () => {
    async function asked(calls = [call(0, { name: 'ask_user' })]) {
      const at = await answeredTurn(store, await taskIn(store, 'building'), calls)
      await store.conversations.beginTool({ ...at, position: 0 })
      await store.tasks.move({ taskId: at.taskId, to: 'awaiting_input' })
      return at
    }

    it('is answered by the next text, which becomes the function response of that ask_user', async () => {
      const at = await asked()
      expect(await say(at.taskId, 'blue "and" ✓')).toBe('answer')
      await store.tasks.move({ taskId: at.taskId, to: 'building' })
      expect(await contentsBefore({ ...at, turn: 2 })).toContain(
        String.raw`{"functionResponse":{"id":"c0","name":"ask_user","response":{"output":"blue \"and\" ✓"}}}`,
      )
      expect((await eventTypes(store, at.taskId)).slice(2, 4)).toEqual(['tool-called', 'tool-finished'])
    })

    it('is answered once: text after the answer stands before the next turn', async () => {
      const at = await asked()
      await say(at.taskId, 'blue')
      await say(at.taskId, 'no, green')
      await store.tasks.move({ taskId: at.taskId, to: 'building' })
      const contents = await contentsBefore({ ...at, turn: 2 })
      expect(contents).toContain('{"output":"blue"}')
      expect(contents).toContain('{"role":"user","parts":[{"text":"no, green"}]}')
    })

    it('that is one of several keeps the others open', async () => {
      const at = await asked([call(0, { name: 'ask_user' }), call(1, { name: 'ask_user' })])
      await say(at.taskId, 'first')
      expect(await store.conversations.call({ ...at, position: 0 })).toMatchObject({ state: 'finished' })
      expect(await store.conversations.call({ ...at, position: 1 })).toMatchObject({ state: 'pending' })
      expect(await store.conversations.nextTurn(at.taskId)).toBe(1)
    })

    it('of the understanding step is answered by text that waits', async () => {
      const { taskId } = await taskIn(store, 'understanding')
      await store.tasks.move({ taskId, to: 'awaiting_input' })
      expect(await say(taskId, 'the second one')).toBe('answer')
      expect(await store.conversations.unread(taskId)).toEqual(['the second one'])
    })
  })

  describe('text', () => {
    it.each(['received', 'understanding', 'queued', 'building'] as const)('steers a task that is %s', async (state) => {
      const { taskId } = await taskIn(store, state)
      expect(await say(taskId, 'also this')).toBe('steer')
    })

    it.each(['verifying', 'delivering', 'completed'] as const)('is refused by a task that is %s', async (state) => {
      const { taskId } = await taskIn(store, state)
      await expect(say(taskId, 'also this')).rejects.toMatchObject({ code: 'conflict' })
      expect(await store.conversations.unread(taskId)).toEqual([])
    })

    it.each([
      ['steers', 'building'],
      ['answers the understanding step', 'awaiting_input'],
    ] as const)('with the key of an earlier one is that one: what %s is taken once', async (__, state) => {
      const { taskId } = await taskIn(store, state === 'building' ? state : 'understanding')
      await store.tasks.move({ taskId, to: state })
      const message = { taskId, text: 'hurry', from: 'ada', key: 'update 1' }
      const first = await store.conversations.receive(message)
      await store.tasks.move({ taskId, to: state === 'building' ? 'verifying' : 'understanding' })
      expect(await opened.other.conversations.receive(message)).toBe(first)
      expect(await store.conversations.unread(taskId)).toEqual(['hurry'])
    })

    it('that answered a question and is repeated does not steer as well', async () => {
      const at = await answeredTurn(store, await taskIn(store, 'building'), [call(0, { name: 'ask_user' })])
      await store.conversations.beginTool({ ...at, position: 0 })
      await store.tasks.move({ taskId: at.taskId, to: 'awaiting_input' })
      const message = { taskId: at.taskId, text: 'blue', from: 'ada', key: 'update 1' }
      const answers = await Promise.all([1, 2, 3].map(() => store.conversations.receive(message)))
      expect(answers).toEqual(['answer', 'answer', 'answer'])
      expect(await store.conversations.unread(at.taskId)).toEqual([])
    })

    it('for an unknown task is refused', async () => {
      await expect(say('task-0', 'hello')).rejects.toMatchObject({ code: 'not_found' })
    })
  })

  describe('an approval', () => {
    async function requested(of = taskIn(store, 'building')) {
      const at = await answeredTurn(store, await of, [call(0, { decision: 'ask' }), call(1)])
      const place = { taskId: at.taskId, turn: 1, position: 0 }
      const {
        approvalId,
        callHash,
        call: known,
      } = await store.conversations.openApproval({ ...place, expiresAt: EXPIRES })
      expect(callHash).toMatch(/^[0-9a-f]{12}$/)
      expect(known).toEqual({ ...call(0, { decision: 'ask' }), turn: 1, state: 'pending', approvalId })
      const change = { waiting: { for: 'approval' as const, approvalId } }
      await store.tasks.move({ taskId: at.taskId, to: 'awaiting_approval', change })
      return { ...at, ...place, approvalId, by: 'ada' }
    }

    it('has one id for its call, however often it is opened', async () => {
      const { taskId, approvalId } = await requested()
      const again = { taskId, turn: 1, position: 0, expiresAt: '2091-01-01T00:00:00Z' }
      expect((await opened.other.conversations.openApproval(again)).approvalId).toBe(approvalId)
      expect(await store.conversations.hasApproval({ taskId, approvalId })).toBe(true)
      expect(await store.conversations.hasApproval({ taskId, approvalId: 'approval-0' })).toBe(false)
    })

    it('tells calls apart by what they hold, and not by the order in which they hold it', async () => {
      const at = await answeredTurn(store, await taskIn(store, 'building'), [
        call(0, { args: { a: 1, b: { c: [1, 2], d: null } } }),
        call(1, { args: { b: { d: null, c: [1, 2] }, a: 1 } }),
        call(2, { args: { b: { d: null, c: [2, 1] }, a: 1 } }),
        call(3, { name: 'glob', args: { a: 1, b: { c: [1, 2], d: null } } }),
      ])
      const hashes = []
      for (const position of [0, 1, 2, 3])
        hashes.push((await store.conversations.openApproval({ ...at, position, expiresAt: EXPIRES })).callHash)
      expect(hashes[0]).toBe(hashes[1])
      expect(new Set(hashes).size).toBe(3)
    })

    it('that is given lets the call run', async () => {
      const approval = await requested()
      await opened.other.conversations.decideApproval({ ...approval, decision: 'approve' })
      expect(await store.conversations.call(approval)).toMatchObject({ decision: 'allow', state: 'pending' })
      expect((await eventTypes(store, approval.taskId)).at(-1)).toBe('approval-decided')
    })

    it('that is refused is the call’s response, with the comment, and the call never runs', async () => {
      const approval = await requested()
      await opened.other.conversations.decideApproval({ ...approval, decision: 'reject', comment: 'Too “risky”.' })
      expect(await store.conversations.beginTool(approval)).toEqual({ type: 'finished' })
      expect((await eventTypes(store, approval.taskId)).slice(-3)).toEqual([
        'approval-decided',
        'tool-called',
        'tool-finished',
      ])
      await store.tasks.move({ taskId: approval.taskId, to: 'building', change: { waiting: null } })
      await finishedCall(store, { ...approval, position: 1 })
      expect(await contentsBefore({ ...approval, turn: 2 })).toContain(
        '{"error":"The requester rejected this call. Too “risky”."}',
      )
    })

    it('is decided once, and only while the task waits for it', async () => {
      const approval = await requested()
      await store.conversations.decideApproval({ ...approval, decision: 'reject' })
      const second = store.conversations.decideApproval({ ...approval, decision: 'approve' })
      await expect(second).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('(reject)') })
      const late = await requested()
      await store.tasks.move({ taskId: late.taskId, to: 'cancelled' })
      await expect(store.conversations.decideApproval({ ...late, decision: 'approve' })).rejects.toMatchObject({
        code: 'conflict',
      })
    })

    it('decided with a key is decided by it once more when the answer was lost, and by no other', async () => {
      const approval = await requested()
      const decision = { ...approval, decision: 'reject', key: 'update 1' } as const
      await store.conversations.decideApproval(decision)
      const events = await eventTypes(store, approval.taskId)
      await opened.other.conversations.decideApproval(decision)
      expect(await eventTypes(store, approval.taskId)).toEqual(events)
      await expect(store.conversations.decideApproval({ ...decision, key: 'update 2' })).rejects.toMatchObject({
        code: 'conflict',
      })
    })

    it('leads to its task, in its tenant alone', async () => {
      const { taskId, approvalId } = await requested()
      const found = async (approval: { approvalId: string; tenant: string }) =>
        (await store.conversations.taskOfApproval(approval))?.id
      expect(await found({ approvalId, tenant: 'default' })).toBe(taskId)
      expect(await found({ approvalId, tenant: 'other' })).toBeUndefined()
      expect(await found({ approvalId: 'approval-0', tenant: 'default' })).toBeUndefined()
    })

    it('of a part is decided at the part alone: the whole may still show it when it is over', async () => {
      const { taskId: whole } = await taskIn(store, 'queued')
      const approval = await requested(partIn(store, whole, 'building'))
      const atWhole = { ...approval, taskId: whole, decision: 'approve' as const }
      const refused = (why: string) => ({ code: 'conflict', message: expect.stringContaining(why) })
      await expect(store.conversations.decideApproval(atWhole)).rejects.toMatchObject(refused('does not wait for'))
      await store.conversations.decideApproval({ ...approval, decision: 'reject' })
      await expect(store.conversations.decideApproval(atWhole)).rejects.toMatchObject(
        refused('decided already (reject)'),
      )
      expect(await store.conversations.hasApproval(atWhole)).toBe(true)
    })

    it('is unknown to another task', async () => {
      const { approvalId } = await requested()
      const { taskId } = await taskIn(store, 'building')
      const foreign = store.conversations.decideApproval({ taskId, approvalId, decision: 'approve', by: 'ada' })
      await expect(foreign).rejects.toMatchObject({ code: 'not_found' })
      expect(await store.conversations.hasApproval({ taskId, approvalId })).toBe(false)
    })
  })
})
