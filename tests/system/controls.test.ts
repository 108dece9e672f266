import { Client, Connection } from '@temporalio/client'
import { describe, expect, it } from 'vitest'
import { readTask } from '../../cli/client.ts'
import type { TaskView } from '../../domain/schemas/task.ts'
import type { ModelRequest, ScriptedTurn } from '../../simulators/gemini/script.ts'
import { submit, until } from '../support/gateway.ts'
import { commandLines } from '../support/processes.ts'
import { eventOf, eventsOf, useScriptedGateway } from '../support/scripted-gateway.ts'

const call = (name: string, args: Record<string, unknown>): ScriptedTurn => ({ calls: [{ name, args }] })
const complete = (summary: string) => call('complete_task', { summary })
const slowly = (seconds: number) => call('run_shell_command', { command: `sleep ${seconds}` })
const lastWords = ({ lastResponses }: ModelRequest): string => JSON.stringify(lastResponses[0]?.response)

/** What the model does, by the first word of the prompt and the turn. */
const SCRIPTS: Readonly<Record<string, (request: ModelRequest) => ScriptedTurn>> = {
  steered: ({ turn, text }) => (turn === 0 ? slowly(2) : complete(text.includes('blue') ? 'blue it is' : 'plain')),
  asks: (request) =>
    request.turn === 0 ? call('ask_user', { question: 'Which colour?' }) : complete(lastWords(request)),
  approves: (request) =>
    request.turn === 0 ? call('run_shell_command', { command: 'echo approved' }) : complete(lastWords(request)),
  sleeps: () => slowly(600),
  pauses: ({ turn }) => (turn < 3 ? slowly(1) : complete('slept')),
  pays: ({ turn }) => (turn < 2 ? { ...slowly(0), usage: { candidatesTokenCount: 10_000 } } : complete('paid')),
  unclear: () => complete('understood'),
  circles: ({ turn, text }) =>
    text.includes('Stop that') ? complete('stopped') : call('glob', { pattern: turn < 2 ? `${turn}` : '*' }),
}

const requests: ModelRequest[] = []
const started = useScriptedGateway((request) => {
  requests.push(request)
  const name = /^\w+/.exec(request.text)?.[0] ?? ''
  if (request.wantsJson) {
    const unclear = name === 'unclear' && !request.text.includes('the parser')
    return { text: JSON.stringify(understanding(unclear ? { clarifyingQuestion: 'Which module?' } : {})) }
  }
  return SCRIPTS[name]?.(request) ?? { text: 'What?' }
})

const understanding = (more: object) => ({
  ...{ title: 'T', kind: 'code', summary: 'S', priority: 3, risk: 'low', needsRepository: false },
  ...more,
})

const send = (prompt: string, more: object = {}): Promise<TaskView> => submit(started().client, { prompt, ...more })
const post = <T = TaskView>(path: string, body?: object): Promise<T> =>
  started().client.json<T>('POST', path, body === undefined ? {} : { body })
const ended = (id: string): Promise<TaskView> => until(started().client, id, 'ended')

describe('text for a running task', () => {
  it('stands once, as user text, in the next model request', async () => {
    const { id } = await send('steered work')
    await eventOf(started().client, id, ({ type }) => type === 'tool-called')
    await post(`/v1/tasks/${id}/messages`, { text: 'Make it blue.' })
    expect((await ended(id)).result?.summary).toBe('blue it is')
    const seen = requests.filter(({ contents }) => JSON.stringify(contents).includes('Make it blue.'))
    expect(seen).toHaveLength(1)
    const texts = seen[0]?.contents.flatMap(({ role, parts }) => (role === 'user' ? parts.map(({ text }) => text) : []))
    expect(texts?.filter((text) => text?.includes('Make it blue.'))).toEqual(['Make it blue.'])
  })

  it('answers the question of ask_user, as the response of that call', async () => {
    const { id } = await send('asks first')
    const waiting = await until(started().client, id, 'awaiting_input')
    expect(waiting.waiting).toEqual({ for: 'input', question: 'Which colour?' })
    await post(`/v1/tasks/${id}/messages`, { text: 'Green.' })
    expect((await ended(id)).result?.summary).toBe('{"output":"Green."}')
  })

  it('is asked for when the model makes the same call ten times with the same result', async () => {
    const { id } = await send('circles again')
    const { waiting, progress } = await until(started().client, id, 'awaiting_input')
    expect(waiting?.question).toMatch(/^The Builder made the same call 10 times .* glob \*\. Write "continue"/)
    expect(progress.turn).toBe(12)
    await post(`/v1/tasks/${id}/messages`, { text: 'Stop that, please.' })
    expect((await ended(id)).result?.summary).toBe('stopped')
  })

  it('answers a clarifying question before the work starts', async () => {
    const { id } = await send('unclear work')
    expect((await until(started().client, id, 'awaiting_input')).waiting?.question).toBe('Which module?')
    await post(`/v1/tasks/${id}/messages`, { text: 'It is the parser.' })
    expect((await ended(id)).result?.summary).toBe('understood')
  })

  it('is refused with 409 after the end', async () => {
    const { id } = await send('unclear about the parser')
    await ended(id)
    await expect(post(`/v1/tasks/${id}/messages`, { text: 'Too late.' })).rejects.toMatchObject({ code: 'conflict' })
  })
})

describe('an approval', () => {
  const asking = async () => {
    const { id } = await send('approves a command', { constraints: { approvalMode: 'default' } })
    const { waiting } = await until(started().client, id, 'awaiting_approval')
    expect([waiting?.for, waiting?.tool]).toEqual(['approval', 'run_shell_command'])
    return { id, path: `/v1/tasks/${id}/approvals/${waiting?.approvalId}` }
  }

  it('lets the call run; a second decision is refused with 409', async () => {
    const { id, path } = await asking()
    await post(path, { decision: 'approve' })
    await expect(post(path, { decision: 'reject' })).rejects.toMatchObject({ code: 'conflict' })
    expect((await ended(id)).result?.summary).toContain('approved')
  })

  it('that is rejected is the response of the call, with the comment', async () => {
    const { id, path } = await asking()
    await post(path, { decision: 'reject', comment: 'Use the other server.' })
    expect((await ended(id)).result?.summary).toMatch(/rejected.*Use the other server\./)
  })
})

describe('an update by hand, as `temporal workflow update execute` sends it', () => {
  it.each([
    ['steer', 'text'],
    ['steer', {}],
    ['approve', {}],
    ['reject', { approvalId: 7 }],
    ['raiseBudget', { budgetUsd: 'much' }],
    ['reprioritise', { priority: 9 }],
  ])('%s %j is refused at once with its form', async (name, argument) => {
    const { id } = await send('sleeps long')
    const connection = await Connection.connect({ address: started().gateway.temporalAddress })
    const handle = new Client({ connection }).workflow.getHandle(id)
    await expect(handle.executeUpdate(name, { args: [argument] })).rejects.toMatchObject({
      cause: { type: 'invalid_request', message: expect.stringContaining('Send {"') as string },
    })
    await connection.close()
    await post(`/v1/tasks/${id}/cancel`)
    expect((await ended(id)).state).toBe('cancelled')
  })

  it('needs no name of its sender', async () => {
    const { id } = await send('asks first')
    await until(started().client, id, 'awaiting_input')
    const connection = await Connection.connect({ address: started().gateway.temporalAddress })
    await new Client({ connection }).workflow.getHandle(id).executeUpdate('steer', { args: [{ text: 'Red.' }] })
    await connection.close()
    expect((await ended(id)).result?.summary).toBe('{"output":"Red."}')
  })
})

describe('cancel', () => {
  it('ends the task; no process of it is left', async () => {
    const { id } = await send('sleeps long')
    await eventOf(started().client, id, ({ type }) => type === 'tool-called')
    await post(`/v1/tasks/${id}/cancel`)
    expect((await ended(id)).state).toBe('cancelled')
    expect(commandLines()).not.toContain('sleep 600')
  })

  it('is refused with 409 after the end', async () => {
    const { id } = await send('unclear about the parser')
    await ended(id)
    await expect(post(`/v1/tasks/${id}/cancel`)).rejects.toMatchObject({ code: 'conflict' })
  })
})

describe('pause', () => {
  it('stops after the step in progress; resume goes on', async () => {
    const { id } = await send('pauses often')
    await eventOf(started().client, id, ({ type }) => type === 'tool-called')
    await post(`/v1/tasks/${id}/pause`)
    const paused = await until(started().client, id, 'paused')
    const { turn } = paused.progress
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(await readTask(started().client, id)).toMatchObject({ state: 'paused', progress: { turn } })
    await post(`/v1/tasks/${id}/resume`)
    expect((await ended(id)).result?.summary).toBe('slept')
  })
})

describe('a budget', () => {
  it('is checked before each call; raising it goes on', async () => {
    const { id } = await send('pays much', { constraints: { budgetUsd: 0.05 } })
    const waiting = await until(started().client, id, 'awaiting_budget')
    expect(waiting.cost.usd).toBeGreaterThanOrEqual(0.05)
    expect(waiting.waiting).toEqual({ for: 'budget' })
    await post(`/v1/tasks/${id}/budget`, { budgetUsd: 100 })
    const task = await ended(id)
    expect([task.state, task.constraints.budgetUsd]).toEqual(['completed', 100])
  })
})

describe('retry', () => {
  it('makes a new task of an ended one, and refuses a running one', async () => {
    const { id } = await send('unclear about the parser')
    await ended(id)
    const again = await post(`/v1/tasks/${id}/retry`)
    expect([again.retryOf, again.prompt]).toEqual([id, 'unclear about the parser'])
    expect((await ended(again.id)).state).toBe('completed')
    const { id: running } = await send('sleeps long')
    await expect(post(`/v1/tasks/${running}/retry`)).rejects.toMatchObject({ code: 'conflict' })
    await post(`/v1/tasks/${running}/cancel`)
    await ended(running)
  })
})

it('whatever people do, every call has its result and the end stands once and last', async () => {
  const { items } = await started().client.json<{ items: TaskView[] }>('GET', '/v1/tasks?limit=200')
  expect(items.length).toBeGreaterThan(10)
  for (const { id } of items) {
    const events = await eventsOf(started().client, id)
    const calls = (type: string) => events.filter((event) => event.type === type).map(({ callId }) => callId)
    expect(new Set(calls('tool-finished')), id).toEqual(new Set(calls('tool-called')))
    expect(events.filter(({ type }) => type === 'task-ended')).toHaveLength(1)
    expect(events.at(-1)?.type).toBe('task-ended')
  }
  expect(started().simulator.ledger.filter(({ status }) => status >= 400)).toEqual([])
})
