import { existsSync } from 'node:fs'
import { beforeEach, describe, expect, test } from 'vitest'
import type { ModelPart } from '../../domain/conversation.ts'
import { GatewayError } from '../../domain/errors.ts'
import type { Decision } from '../../domain/policy.ts'
import type { ApprovalMode } from '../../domain/task.ts'
import { quietEnvironment, useBuilders, type TestBuilder } from '../support/builder.ts'
import { answer, ANSWER_USD, calls, says } from '../support/scripted-model.ts'
import { chatMessage, received } from '../support/chat/messages.ts'
import { eventTypes } from '../support/stored-task.ts'

const pool = useBuilders()
let builder: TestBuilder
beforeEach(() => void (builder = pool.builder()))

const costOf = async (taskId: string) => (await pool.store.tasks.find(taskId))?.cost
const request = (place: number) => builder.model.requests.at(place)
const READ = calls(['read_file', { file_path: 'README.md' }])

describe('a turn', () => {
  test('asks the model with the prompt and the files of the repository, and plans what it calls', async () => {
    const { fence } = await pool.task(builder, { prompt: 'Fix the sum' })
    builder.model.will(calls(['read_file', { file_path: 'sum.js' }], ['ask_user', { question: 'Why?' }], ['dance']))
    const outcome = await builder.run('takeTurn', { ...fence, turn: 1 })
    expect(outcome).toEqual({
      type: 'answered',
      calls: [
        { turn: 1, position: 0, name: 'read_file', summary: 'read_file sum.js', decision: 'allow', kind: 'sandbox' },
        { turn: 1, position: 1, name: 'ask_user', summary: 'ask_user Why?', decision: 'allow', kind: 'human' },
        { turn: 1, position: 2, name: 'dance', summary: 'dance', decision: 'allow', kind: 'sandbox' },
      ],
      last: false,
      costUsd: ANSWER_USD,
    })
    const text = 'Fix the sum\n\nFiles of the repository:\nREADME.md\nsum.js'
    expect(request(0)?.contents).toEqual([{ role: 'user', parts: [{ text }] }])
    expect(await costOf(fence.taskId)).toMatchObject({ usd: ANSWER_USD, modelCalls: 1, inputTokens: 500 })
  })

  test('shows the files of the request after its words, in every request of the task', async () => {
    const conversation = await received(pool.store, chatMessage())
    const message = (await pool.store.chats.next(conversation))?.number ?? 0
    const outcome = { name: 'a.png', mediaType: 'image/png', bytes: Buffer.from('89504e470d0a1a0a', 'hex') }
    await pool.store.attachments.settle({ message, outcome })
    const { fence } = await pool.task(builder, { prompt: 'Fix the sum', attachments: [message] })
    builder.model.will(calls(['write_todos', { todos: [] }]), READ)
    await builder.run('takeTurn', { ...fence, turn: 1 })
    await builder.run('runTool', { ...fence, turn: 1, position: 0 })
    await builder.run('takeTurn', { ...fence, turn: 2 })
    const shown = builder.model.requests.map(({ contents }) => contents[0]?.parts.slice(1))
    const inlineData = { mimeType: 'image/png', data: 'iVBORw0KGgo=' }
    expect(shown).toEqual([0, 1].map(() => [{ text: 'Attached file "a.png":' }, { inlineData }]))
  })

  test('that was answered is never asked again, on this builder or another', async () => {
    const { fence } = await pool.task(builder)
    builder.model.will(READ)
    const first = await builder.run('takeTurn', { ...fence, turn: 1 })
    expect(await builder.run('takeTurn', { ...fence, turn: 1 })).toEqual(first)
    const other = pool.builder()
    const next = await pool.reseat(fence, other)
    expect(await other.run('takeTurn', { ...next, turn: 1 })).toEqual(first)
    expect(other.model.requests).toEqual([])
    expect(await costOf(fence.taskId)).toMatchObject({ modelCalls: 1 })
  })

  test('that was answered lists only the calls that are still to be done', async () => {
    const { fence } = await pool.task(builder)
    builder.model.will(calls(['write_todos', { todos: [] }], ['read_file', { file_path: 'sum.js' }]))
    await builder.run('takeTurn', { ...fence, turn: 1 })
    await builder.run('runTool', { ...fence, turn: 1, position: 0 })
    expect(await builder.run('takeTurn', { ...fence, turn: 1 })).toMatchObject({
      calls: [{ position: 1 }],
      last: false,
    })
  })

  test('that is asked twice at once costs twice and keeps the first answer for both', async () => {
    const { fence } = await pool.task(builder)
    let asked = 0
    let bothAsked: () => void = () => undefined
    const both = new Promise<void>((resolve) => (bothAsked = resolve))
    const once = (text: string) => async () => {
      if (++asked === 2) bothAsked()
      await both
      return calls(['ask_user', { question: text }])
    }
    builder.model.will(once('A?'), once('B?'))
    const step = () => builder.run('takeTurn', { ...fence, turn: 1 })
    const [one, other] = await Promise.all([step(), step()])
    expect({ ...one, costUsd: 0 }).toEqual({ ...other, costUsd: 0 })
    expect(await costOf(fence.taskId)).toMatchObject({ modelCalls: 2, usd: 2 * ANSWER_USD })
  })

  test('that the model failed to answer costs nothing and is asked anew', async () => {
    const { fence } = await pool.task(builder)
    builder.model.will(new GatewayError('model_overloaded', 'busy', { retryable: true }), READ)
    const step = () => builder.run('takeTurn', { ...fence, turn: 1 })
    await expect(step()).rejects.toMatchObject({ code: 'model_overloaded', retryable: true })
    expect(await costOf(fence.taskId)).toMatchObject({ modelCalls: 0, usd: 0 })
    expect(await step()).toMatchObject({ type: 'answered' })
    const types = await eventTypes(pool.store, fence.taskId)
    expect(types.filter((type) => type === 'turn-started')).toHaveLength(1)
  })

  test.each([
    ['text alone', says('All done.'), true],
    ['complete_task', calls(['complete_task', { summary: 'Done' }]), true],
    ['complete_task among others', calls(['read_file', { file_path: 'x' }], ['complete_task', { summary: 'D' }]), true],
    ['another call', READ, false],
    ['text and a call', answer([{ text: 'Let me see' }, ...READ.parts]), false],
  ])('with %s is the last one: %#', async (_, said, last) => {
    const { fence } = await pool.task(builder)
    builder.model.will(said)
    expect(await builder.run('takeTurn', { ...fence, turn: 1 })).toMatchObject({ last })
  })

  test('gives the model its own parts back byte for byte, and what came of them in the order of the calls', async () => {
    const { fence } = await pool.task(builder)
    const parts: ModelPart[] = [
      { text: 'thinking', thought: true },
      { text: '', thoughtSignature: 'c2lnbmF0dXJl' },
      {
        functionCall: { id: 'b', name: 'read_file', args: { z: 1, file_path: 'sum.js', a: [{ y: 1, x: 2 }] } },
        thoughtSignature: 'QUJD',
      },
      { functionCall: { id: 'a', name: 'write_todos', args: { todos: [] } } },
    ]
    builder.model.will(answer(parts), says('Done.'))
    await builder.run('takeTurn', { ...fence, turn: 1 })
    for (const position of [1, 0]) await builder.run('runTool', { ...fence, turn: 1, position })
    await builder.run('takeTurn', { ...fence, turn: 2 })
    const [, model, user, ...rest] = request(1)?.contents ?? []
    expect(JSON.stringify(model)).toBe(JSON.stringify({ role: 'model', parts }))
    expect(user?.parts.map((part) => part.functionResponse?.id)).toEqual(['b', 'a'])
    expect(user?.parts[0]?.functionResponse).toEqual({
      id: 'b',
      name: 'read_file',
      response: { output: 'exports.sum = (a, b) => a - b\n' },
    })
    expect(rest).toEqual([])
  })

  test('of a task without a repository needs no workspace', async () => {
    const { fence } = await pool.task(builder, { repository: undefined, prompt: 'Write a poem' })
    builder.model.will(says('Roses'))
    await builder.run('takeTurn', { ...fence, turn: 1 })
    expect(request(0)?.contents).toEqual([{ role: 'user', parts: [{ text: 'Write a poem' }] }])
    expect(existsSync(builder.folder)).toBe(false)
  })

  test.each(['the seat ends', 'the step is cancelled'])(
    'is broken off when %s, and nothing of it is stored',
    async (what) => {
      const { fence } = await pool.task(builder)
      const environment = quietEnvironment()
      builder.model.will(async ({ signal }) => {
        if (what === 'the seat ends') builder.seats.close(fence)
        else environment.cancel()
        signal?.throwIfAborted()
        return READ
      })
      const step = builder.run('takeTurn', { ...fence, turn: 1 }, environment)
      await expect(step).rejects.toMatchObject(
        what === 'the seat ends' ? { code: 'seat_lost' } : { name: 'CancelledFailure' },
      )
      expect(await costOf(fence.taskId)).toMatchObject({ modelCalls: 0 })
    },
  )
})

describe('limits', () => {
  test('the budget is checked before a turn: one may pass it, none begins above it', async () => {
    const { fence } = await pool.task(builder, { constraints: { budgetUsd: 0.001 } })
    builder.model.will(READ)
    expect(await builder.run('takeTurn', { ...fence, turn: 1 })).toMatchObject({ type: 'answered' })
    expect(await builder.run('takeTurn', { ...fence, turn: 2 })).toEqual({ type: 'budget-reached' })
    expect(builder.model.requests).toHaveLength(1)
    await pool.store.tasks.note({ taskId: fence.taskId, change: { budgetUsd: 1 } })
    builder.model.will(says('Done.'))
    expect(await builder.run('takeTurn', { ...fence, turn: 2 })).toMatchObject({ type: 'answered' })
  })

  test('a turn that was answered is given although the budget is used up since', async () => {
    const { fence } = await pool.task(builder, { constraints: { budgetUsd: 0.001 } })
    builder.model.will(READ)
    const first = await builder.run('takeTurn', { ...fence, turn: 1 })
    expect(await builder.run('takeTurn', { ...fence, turn: 1 })).toEqual(first)
  })

  test('a turn beyond maxTurns fails for good, with what to do', async () => {
    const { fence } = await pool.task(builder, { constraints: { maxTurns: 1 } })
    builder.model.will(READ)
    await builder.run('takeTurn', { ...fence, turn: 1 })
    await expect(builder.run('takeTurn', { ...fence, turn: 2 })).rejects.toMatchObject({
      code: 'max_turns',
      retryable: false,
      message: 'The task used its 1 turns. Retry it with a higher constraints.maxTurns.',
    })
    expect(builder.model.requests).toHaveLength(1)
  })
})

describe('an answer that cannot be used is paid, refused and not kept', () => {
  test.each([
    ['blocked for safety', answer([], { finishReason: 'SAFETY' }), 'model_blocked', false],
    ['blocked before it began', answer([], { finishReason: 'BLOCKED:PROHIBITED_CONTENT' }), 'model_blocked', false],
    ['empty', answer([]), 'model_malformed', true],
    ['blank', says('  \n'), 'model_malformed', true],
    [
      'cut in the middle of a text',
      answer([{ text: 'I will' }], { finishReason: 'MAX_TOKENS' }),
      'model_malformed',
      true,
    ],
    ['a call nobody can read', answer([], { finishReason: 'MALFORMED_FUNCTION_CALL' }), 'model_malformed', true],
  ])('%s', async (...[, fault, code, retryable]) => {
    const { fence } = await pool.task(builder)
    builder.model.will(fault, READ)
    const step = () => builder.run('takeTurn', { ...fence, turn: 1 })
    await expect(step()).rejects.toMatchObject({ code, retryable })
    expect(await costOf(fence.taskId)).toMatchObject({ modelCalls: 1, usd: ANSWER_USD })
    expect(await step()).toMatchObject({ type: 'answered' })
    expect(request(1)?.contents).toEqual(request(0)?.contents)
    expect(await costOf(fence.taskId)).toMatchObject({ modelCalls: 2, usd: 2 * ANSWER_USD })
  })
})

describe('a call is decided by the approval mode when it is planned', () => {
  test('under the canonical name of its tool, whichever the model used; the model is answered by its own', async () => {
    const rule = { decision: 'deny', priority: 1, tools: ['grep_search'], commandPrefixes: [], modes: [] } as const
    builder = pool.builder({ rules: [rule] })
    const { fence } = await pool.task(builder)
    builder.model.will(calls(['search_file_content', { pattern: 'sum' }]), says('Done.'))
    expect(await builder.run('takeTurn', { ...fence, turn: 1 })).toMatchObject({
      calls: [{ name: 'grep_search', summary: 'grep_search sum', decision: 'deny' }],
    })
    await builder.run('runTool', { ...fence, turn: 1, position: 0 })
    const events = await pool.store.tasks.events({ taskId: fence.taskId, after: 0, limit: 100 })
    const called = events.filter(({ type }) => type.startsWith('tool-')).map(({ data }) => data['name'])
    expect(called).toEqual(['grep_search', 'grep_search'])
    await builder.run('takeTurn', { ...fence, turn: 2 })
    expect(request(1)?.contents.at(-1)?.parts[0]?.functionResponse).toMatchObject({
      name: 'search_file_content',
      response: { error: expect.stringContaining('does not allow this call') },
    })
  })

  const MODES: readonly (readonly [ApprovalMode | undefined, 'low' | 'high', readonly Decision[]])[] = [
    [undefined, 'low', ['allow', 'allow', 'allow']],
    ['sandboxed', 'low', ['allow', 'allow', 'allow']],
    ['sandboxed', 'high', ['allow', 'ask', 'ask']],
    ['default', 'low', ['allow', 'ask', 'ask']],
    ['auto_edit', 'high', ['allow', 'allow', 'ask']],
    ['plan', 'low', ['allow', 'deny', 'deny']],
    ['yolo', 'high', ['allow', 'allow', 'allow']],
  ]
  test.each(MODES)('mode %s, risk %s: read, edit and command %j', async (approvalMode, risk, decisions) => {
    const { fence } = await pool.task(builder, { constraints: approvalMode ? { approvalMode } : {} })
    const understanding = { title: 't', kind: 'code', summary: 's', priority: 3, risk, needsRepository: true } as const
    await pool.store.tasks.note({ taskId: fence.taskId, change: { understanding } })
    builder.model.will(calls(['glob', { pattern: '*' }], ['write_file'], ['run_shell_command']))
    const outcome = await builder.run('takeTurn', { ...fence, turn: 1 })
    expect(outcome.type === 'answered' && outcome.calls.map(({ decision }) => decision)).toEqual(decisions)
  })
})
