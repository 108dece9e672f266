import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ModelContent } from '../../domain/conversation.ts'
import type { Fence, Store } from '../../domain/ports/store.ts'
import { STORES, type OpenedStore } from '../support/stores.ts'
import {
  ANSWERED,
  answeredTurn,
  call,
  eventTypes,
  finishedCall,
  partOf,
  taskIn,
  USAGE,
} from '../support/stored-task.ts'

describe.each(Object.entries(STORES))('the conversations of %s', (_, open) => {
  let opened: OpenedStore
  let store: Store
  beforeAll(async () => {
    opened = await open()
    store = opened.store
  })
  afterAll(() => opened.close())

  const building = (constraints = {}) => taskIn(store, 'building', { constraints })
  const steer = (taskId: string, text: string) => store.conversations.receive({ taskId, text, from: 'ada' })
  /** The contents a turn begins with, read by another process. */
  async function contentsOf(at: Fence & { readonly turn: number }): Promise<readonly ModelContent[]> {
    const start = await opened.other.conversations.beginTurn(at)
    if (start.type !== 'ready') throw new Error(`the turn is ${start.type}`)
    return start.contents
  }
  const responseOf = (position: number, response: object): object => ({
    functionResponse: { id: `c${position}`, name: 'read_file', response },
  })

  describe('a turn', () => {
    it('is given back answered instead of being asked and paid again', async () => {
      const at = await answeredTurn(store, await building(), [call(0), call(1, { decision: 'ask' })])
      expect(await opened.other.conversations.beginTurn(at)).toEqual({
        type: 'answered',
        spentUsd: 0.25,
        turn: {
          ...{ number: 1, model: 'm', parts: [partOf(call(0)), partOf(call(1))] },
          calls: [
            { ...call(0), turn: 1, state: 'pending' },
            { ...call(1), turn: 1, state: 'pending', decision: 'ask' },
          ],
        },
      })
      expect(await eventTypes(store, at.taskId)).toEqual(['task-received', 'turn-started'])
    })

    it('keeps its first answer: a second one of a repeated step is paid for and changes nothing', async () => {
      const at = await answeredTurn(store, await building(), [call(0)])
      const second = { ...at, ...ANSWERED, model: 'other', parts: [{ text: 'I did not call.' }] }
      for (const calls of [[], [call(0, { name: 'glob' }), call(1)]]) {
        const { calls: standing } = await opened.other.conversations.finishTurn({ ...second, calls })
        expect(standing).toEqual([{ ...call(0), turn: 1, state: 'pending' }])
      }
      const again = await store.conversations.beginTurn(at)
      expect(again).toMatchObject({ turn: { model: 'm', parts: [partOf(call(0))], calls: [{ name: 'read_file' }] } })
      expect((await store.tasks.find(at.taskId))?.cost).toMatchObject({ usd: 0.75, modelCalls: 3 })
    })

    it('says what the task has cost by then, also when it is asked for again', async () => {
      const fence = await building()
      await store.conversations.recordCall({ taskId: fence.taskId, turn: 0, model: 'm', usage: USAGE, usd: 0.1 })
      const at = { ...fence, turn: 1 }
      await store.conversations.beginTurn(at)
      const answer = { ...at, ...ANSWERED, usd: 0.2, parts: [{ text: 'x' }], calls: [] }
      expect(await store.conversations.finishTurn(answer)).toMatchObject({ spentUsd: 0.3 })
      expect(await opened.other.conversations.beginTurn(at)).toMatchObject({ type: 'answered', spentUsd: 0.3 })
    })

    it('does not begin after ten calls in a row that were the same and came to the same, until somebody speaks', async () => {
      const fence = await building()
      const turns = async (from: number, to: number, response: (turn: number) => object) => {
        for (let turn = from; turn <= to; turn++) {
          const at = await answeredTurn(store, { ...fence, turn }, [call(0)])
          await finishedCall(store, { ...at, position: 0 }, response(turn) as Record<string, unknown>)
        }
      }
      const begin = (turn: number) => opened.other.conversations.beginTurn({ ...fence, turn })
      await turns(1, 1, () => ({ output: 'other' }))
      await turns(2, 10, () => ({ output: 'same' }))
      expect(await begin(11)).toMatchObject({ type: 'ready' })
      await turns(11, 11, () => ({ output: 'same' }))
      const looping = { type: 'looping', call: { name: 'read_file', args: call(0).args } }
      expect([await begin(12), await begin(12)]).toEqual([looping, looping])
      expect((await eventTypes(store, fence.taskId)).filter((type) => type === 'turn-started')).toHaveLength(11)

      await steer(fence.taskId, 'continue')
      expect(await begin(12)).toMatchObject({ type: 'ready' })
      await turns(12, 20, () => ({ output: 'same' }))
      expect(await begin(21)).toMatchObject({ type: 'ready' })
      await turns(21, 21, () => ({ output: 'same' }))
      expect(await begin(22)).toEqual(looping)
    })

    it('begins after as many calls that differ in their arguments or their results', async () => {
      const fence = await building()
      for (let turn = 1; turn <= 24; turn++) {
        const args = { file_path: turn <= 12 ? `${turn}` : 'same' }
        const at = await answeredTurn(store, { ...fence, turn }, [call(0, { args })])
        await finishedCall(store, { ...at, position: 0 }, { output: turn <= 12 ? 'same' : `${turn}` })
      }
      expect(await store.conversations.beginTurn({ ...fence, turn: 25 })).toMatchObject({ type: 'ready' })
    })

    it('costs what every answered call costs, the understanding step and refused answers included', async () => {
      const fence = await building()
      await store.conversations.recordCall({ taskId: fence.taskId, turn: 0, model: 'm', usage: USAGE, usd: 0.1 })
      await store.conversations.recordCall({ taskId: fence.taskId, turn: 1, model: 'm', usage: USAGE, usd: 0.2 })
      await answeredTurn(store, fence)
      expect((await store.tasks.find(fence.taskId))?.cost).toEqual({
        ...{ usd: 0.55, inputTokens: 300, outputTokens: 30, thoughtTokens: 15, cachedTokens: 60, modelCalls: 3 },
      })
    })

    it('does not begin above the turn limit or the budget, and begins when that was raised', async () => {
      const short = await building({ maxTurns: 1 })
      await answeredTurn(store, short)
      const next = { ...short, turn: 2 }
      expect(await store.conversations.beginTurn(next)).toEqual({ type: 'turns-reached', maxTurns: 1 })
      const poor = await building({ budgetUsd: 0.3 })
      await answeredTurn(store, poor)
      expect(await store.conversations.beginTurn({ ...poor, turn: 2 })).toMatchObject({ type: 'ready' })
      await store.conversations.recordCall({ taskId: poor.taskId, turn: 2, model: 'm', usage: USAGE, usd: 0.05 })
      const reached = await store.conversations.beginTurn({ ...poor, turn: 3 })
      expect(reached).toEqual({ type: 'budget-reached', spentUsd: 0.3, budgetUsd: 0.3 })
      await store.tasks.note({ taskId: poor.taskId, change: { budgetUsd: 0.4 } })
      expect(await store.conversations.beginTurn({ ...poor, turn: 3 })).toMatchObject({ type: 'ready' })
      expect((await eventTypes(store, poor.taskId)).filter((type) => type === 'turn-started')).toHaveLength(3)
    })
  })

  describe('the turn to go on with', () => {
    const next = (taskId: string) => opened.other.conversations.nextTurn(taskId)

    it('is the same one until its answer and all its calls are done', async () => {
      const fence = await building()
      expect(await next(fence.taskId)).toBe(1)
      await store.conversations.beginTurn({ ...fence, turn: 1 })
      expect(await next(fence.taskId)).toBe(1)
      const at = await answeredTurn(store, fence, [call(0), call(1)])
      for (const position of [1, 0]) {
        expect(await next(fence.taskId)).toBe(1)
        await finishedCall(store, { ...at, position })
      }
      expect(await next(fence.taskId)).toBe(2)
    })

    it.each([
      ['with words alone', []],
      ['with complete_task', [call(0), call(1, { name: 'complete_task', args: { summary: 'x' } })]],
    ])('is still the one that ended a run %s, until somebody says something', async (__, calls) => {
      const fence = await building()
      const end = async (turn: number) => {
        const at = await answeredTurn(store, { ...fence, turn }, calls)
        for (const { position } of calls) await finishedCall(store, { ...at, position })
      }
      await end(1)
      expect(await next(fence.taskId)).toBe(1)
      await steer(fence.taskId, 'one more thing')
      expect(await next(fence.taskId)).toBe(2)
      await store.conversations.beginTurn({ ...fence, turn: 2 })
      expect(await next(fence.taskId)).toBe(2)
      await end(2)
      await store.conversations.tell({ taskId: fence.taskId, text: 'the checks failed' })
      expect(await next(fence.taskId)).toBe(3)
    })
  })

  describe('the contents before a turn', () => {
    it('hold responses in one content in the order of the calls, then waiting text, each once', async () => {
      const at = await answeredTurn(store, await building(), [call(0), call(1)])
      for (const position of [1, 0]) await finishedCall(store, { ...at, position }, { output: `r${position}` })
      await steer(at.taskId, 'steer me')
      await store.conversations.tell({ taskId: at.taskId, text: 'from the gateway' })
      const expected = [
        { role: 'model', parts: [partOf(call(0)), partOf(call(1))] },
        { role: 'user', parts: [responseOf(0, { output: 'r0' }), responseOf(1, { output: 'r1' })] },
        { role: 'user', parts: [{ text: 'steer me' }, { text: 'from the gateway' }] },
      ]
      expect(await contentsOf({ ...at, turn: 2 })).toEqual(expected)
      expect(await contentsOf({ ...at, turn: 2 })).toEqual(expected)
      await answeredTurn(store, { ...at, turn: 2 })
      expect(await contentsOf({ ...at, turn: 3 })).toEqual([...expected, { role: 'model', parts: [{ text: 'Done.' }] }])
    })

    it('hold text that came before the first turn, and text of a begun turn that has no answer yet', async () => {
      const fence = await building()
      await steer(fence.taskId, 'first')
      expect(await contentsOf({ ...fence, turn: 1 })).toEqual([{ role: 'user', parts: [{ text: 'first' }] }])
      await steer(fence.taskId, 'second')
      const both = [{ role: 'user', parts: [{ text: 'first' }, { text: 'second' }] }]
      expect(await contentsOf({ ...fence, turn: 1 })).toEqual(both)
    })

    it('give a call without an id a response without one', async () => {
      const at = await answeredTurn(store, await building(), [call(0, { id: '' })])
      await finishedCall(store, { ...at, position: 0 })
      const [, responses] = await contentsOf({ ...at, turn: 2 })
      expect(responses?.parts).toEqual([{ functionResponse: { name: 'read_file', response: { output: 'ok' } } }])
    })
  })

  describe('a tool call', () => {
    it('has one tool-called and one tool-finished however often its step is repeated', async () => {
      const at = { ...(await answeredTurn(store, await building(), [call(0)])), position: 0 }
      const running = { ...call(0), turn: 1 }
      expect(await store.conversations.beginTool(at)).toMatchObject({ type: 'run', repeated: false, call: running })
      expect(await opened.other.conversations.beginTool(at)).toMatchObject({ type: 'run', repeated: true })
      expect(await store.conversations.call(at)).toEqual({ ...running, state: 'running' })
      const result = { ...at, response: { output: 'x' }, ok: true, summary: 'done' }
      await store.conversations.finishTool(result)
      await opened.other.conversations.finishTool({ ...result, response: { output: 'other' } })
      expect(await store.conversations.beginTool(at)).toEqual({ type: 'finished' })
      expect((await eventTypes(store, at.taskId)).slice(2)).toEqual(['tool-called', 'tool-finished'])
      expect(JSON.stringify(await store.conversations.transcript(at.taskId))).not.toContain('other')
    })

    it('that nobody began begins with its end, once; one that was begun ends alone', async () => {
      const plans = [call(0, { name: 'write_todos' }), call(1, { name: 'write_todos' })]
      const fence = await answeredTurn(store, await building(), plans)
      const finish = (position: 0 | 1, summary: string, from = store) => {
        const unbegun = plans[position]!
        return from.conversations.finishTool({ ...fence, position, unbegun, response: {}, ok: true, summary })
      }
      await finish(0, 'noted')
      await finish(0, 'noted again', opened.other)
      await store.conversations.beginTool({ ...fence, position: 1 })
      await finish(1, 'noted as well')
      const told = (position: number) => ({ turn: 1, position, callId: plans[position]?.id, name: 'write_todos' })
      const events = await store.tasks.events({ taskId: fence.taskId, after: 2, limit: 9 })
      expect(events.map(({ type, data }) => [type, data])).toEqual([
        ['tool-called', { ...told(0), summary: expect.stringMatching(/^write_todos/) }],
        ['tool-finished', { ...told(0), ok: true, summary: 'noted' }],
        ['tool-called', { ...told(1), summary: expect.stringMatching(/^write_todos/) }],
        ['tool-finished', { ...told(1), ok: true, summary: 'noted as well' }],
      ])
    })

    it('is told of in a few words when it begins, as is what came of it when it ends', async () => {
      const shouted = call(0, { name: 'run_shell_command', args: { command: 'echo "Gr\u00fc\u00dfe" \\u0000 \0' } })
      const at = { ...(await answeredTurn(store, await building(), [shouted])), position: 0 }
      await store.conversations.beginTool(at)
      await store.conversations.finishTool({ ...at, response: {}, ok: true, summary: 'exit code 0' })
      const told = { turn: 1, position: 0, callId: shouted.id, name: 'run_shell_command' }
      const events = await store.tasks.events({ taskId: at.taskId, after: 2, limit: 2 })
      expect(events.map(({ data }) => data)).toEqual([
        { ...told, summary: 'run_shell_command echo "Gr\u00fc\u00dfe" \\u0000 \ufffd' },
        { ...told, ok: true, summary: 'exit code 0' },
      ])
    })

    it('leaves plan and checkpoint of the last finished step, together with its result', async () => {
      const at = await answeredTurn(store, await building(), [call(0), call(1)])
      const plan = [{ text: 'Read', status: 'completed' as const }]
      for (const position of [0, 1]) {
        const checkpoint = {
          commit: `${position}`.repeat(40),
          tree: 't'.repeat(40),
          bundle: Buffer.from([0, position, 255]),
        }
        await store.conversations.beginTool({ ...at, position })
        await store.conversations.finishTool({ ...at, position, response: {}, ok: true, summary: '', checkpoint, plan })
        const { task } = await opened.other.tasks.work(at.taskId)
        expect([await opened.other.artifacts.checkpoint(at.taskId), task.progress.plan]).toEqual([checkpoint, plan])
      }
    })

    it('that was never planned is a fault', async () => {
      const at = { ...(await answeredTurn(store, await building())), position: 7 }
      await expect(store.conversations.call(at)).rejects.toMatchObject({ code: 'internal' })
      await expect(store.conversations.beginTool(at)).rejects.toMatchObject({ code: 'internal' })
    })
  })

  describe('what was said', () => {
    it('ends with the summary of complete_task, else with the text of the last turn without its thoughts', async () => {
      const fence = await building()
      expect(await store.conversations.lastWords(fence.taskId)).toBe('')
      await store.conversations.beginTurn({ ...fence, turn: 1 })
      const parts = [{ text: 'hm', thought: true }, { text: ' All ' }, { text: 'done. ', thoughtSignature: 'QQ==' }]
      await store.conversations.finishTurn({ ...fence, ...ANSWERED, turn: 1, parts, calls: [] })
      expect(await store.conversations.lastWords(fence.taskId)).toBe('All done.')
      const summary = call(0, { name: 'complete_task', args: { summary: ' Parser fixed. ' } })
      await answeredTurn(store, { ...fence, turn: 2 }, [summary])
      expect(await store.conversations.lastWords(fence.taskId)).toBe('Parser fixed.')
    })

    it('is unread until a turn takes it, text of the gateway aside', async () => {
      const fence = await building()
      await steer(fence.taskId, 'a')
      await store.conversations.tell({ taskId: fence.taskId, text: 'log' })
      await steer(fence.taskId, 'b')
      expect(await opened.other.conversations.unread(fence.taskId)).toEqual(['a', 'b'])
      await store.conversations.beginTurn({ ...fence, turn: 1 })
      expect(await store.conversations.unread(fence.taskId)).toEqual([])
    })

    it('stands in the transcript in order: messages, turn, calls with their whole output', async () => {
      const fence = await building()
      await steer(fence.taskId, 'be quick')
      const at = { ...(await answeredTurn(store, fence, [call(0)])), position: 0 }
      await store.conversations.beginTool(at)
      await store.conversations.finishTool({
        ...at,
        response: { output: '…' },
        ok: true,
        summary: 's',
        output: 'all of it',
      })
      await steer(fence.taskId, 'waiting')
      const entries = await opened.other.conversations.transcript(fence.taskId)
      expect(entries).toMatchObject([
        { type: 'message', author: 'ada', text: 'be quick', turn: 1 },
        { type: 'turn', turn: 1, model: 'm', finishReason: 'STOP' },
        { type: 'tool', turn: 1, name: 'read_file', response: { output: '…' }, output: 'all of it', state: 'finished' },
        { type: 'message', text: 'waiting', turn: null },
      ])
    })
  })
})
