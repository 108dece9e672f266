import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayError } from '../../domain/errors.ts'
import type { TaskView } from '../../domain/schemas/task.ts'
import { FINAL_STATES, type TaskState } from '../../domain/task.ts'
import { openTestApi, problemOf, refusalOf, type TestApi } from '../support/api.ts'
import { freshDatabase } from '../support/database.ts'

let api: TestApi
beforeAll(async () => {
  api = await openTestApi({ url: await freshDatabase() })
})
afterAll(() => api.close())

const post = (id: string, route: string, json?: unknown) =>
  api.call(`/v1/tasks/${id}/${route}`, { method: 'POST', json })
const lastCall = () => api.control.calls.at(-1)

describe('cancel, pause and resume', () => {
  it.each<[string, TaskState, TaskState]>([
    ['cancel', 'building', 'cancelled'],
    ['cancel', 'awaiting_input', 'cancelled'],
    ['pause', 'building', 'paused'],
    ['resume', 'paused', 'building'],
  ])('%s tells the Manager and answers 202 with the task', async (verb, from, to) => {
    const id = await api.taskIn(from)
    const response = await post(id, verb)
    expect(response.status).toBe(202)
    expect(((await response.json()) as TaskView).state).toBe(to)
    expect(lastCall()).toEqual({ verb, argument: { taskId: id } })
  })

  it.each(['cancel', 'pause', 'resume'])(
    '%s is 409 after every end and while the result is delivered',
    async (verb) => {
      for (const state of [...FINAL_STATES, 'delivering'] as const)
        expect(await refusalOf(await post(await api.taskIn(state), verb)), state).toBe('409 conflict')
    },
  )

  it('passes on what the Manager refuses', async () => {
    api.control.failNext('resume', new GatewayError('conflict', 'It is not paused.'))
    const problem = await problemOf(await post(await api.taskIn('building'), 'resume'))
    expect(problem).toMatchObject({ status: 409, code: 'conflict', detail: 'It is not paused.' })
  })
})

describe('a message', () => {
  it('steers the running task, in the words and the name of its author', async () => {
    const id = await api.taskIn('building')
    const response = await post(id, 'messages', { text: '  use tabs\n' })
    expect(response.status).toBe(202)
    expect(((await response.json()) as TaskView).id).toBe(id)
    expect(lastCall()).toMatchObject({ verb: 'say', argument: { taskId: id, text: '  use tabs\n' } })
    expect(await api.store.conversations.unread(id)).toEqual(['  use tabs\n'])
  })

  it.each<TaskState>(['verifying', 'delivering', ...FINAL_STATES])('is 409 when the task is %s', async (state) => {
    expect(await refusalOf(await post(await api.taskIn(state), 'messages', { text: 'x' }))).toBe('409 conflict')
  })

  it.each([{}, { text: '' }, { text: ' ' }, { text: 1 }, { text: 'x', to: 'y' }, { text: 'x'.repeat(32_769) }, []])(
    'is refused as %j',
    async (body) => {
      const response = await post(await api.taskIn('building'), 'messages', body)
      expect(await refusalOf(response)).toBe('422 invalid_request')
    },
  )
})

describe('a decision', () => {
  async function waiting(): Promise<{ id: string; approvalId: string }> {
    const id = await api.taskIn('building')
    const at = { taskId: id, turn: 1 }
    await api.store.conversations.beginTurn({ ...at, seat: 1 })
    await api.store.conversations.finishTurn({
      ...{ ...at, seat: 1, model: 'm', parts: [], finishReason: 'STOP', usd: 0 },
      usage: { inputTokens: 0, outputTokens: 0, thoughtTokens: 0, cachedTokens: 0 },
      calls: [{ position: 0, id: 'c0', name: 'run_shell_command', args: {}, decision: 'ask' }],
    })
    const expiresAt = '2090-01-01T00:00:00Z'
    const { approvalId } = await api.store.conversations.openApproval({ ...at, position: 0, expiresAt })
    await api.store.tasks.move({
      ...{ taskId: id, to: 'awaiting_approval' },
      change: { waiting: { for: 'approval', approvalId, tool: 'run_shell_command', expiresAt } },
    })
    return { id, approvalId }
  }
  const decide = ({ id, approvalId }: { id: string; approvalId: string }, body: object) =>
    post(id, `approvals/${approvalId}`, body)

  it.each([{ decision: 'approve' }, { decision: 'reject', comment: 'not now' }, { decision: 'reject', comment: '' }])(
    '%j is taken once, the second is 409',
    async (body) => {
      const asked = await waiting()
      const first = await decide(asked, body)
      expect(first.status).toBe(200)
      expect(((await first.json()) as TaskView).id).toBe(asked.id)
      expect(lastCall()).toMatchObject({ verb: 'decide', argument: { approvalId: asked.approvalId, ...body } })
      for (const decision of ['approve', 'reject'])
        expect(await refusalOf(await decide(asked, { decision }))).toBe('409 conflict')
    },
  )

  it('is 409 after the end of the task', async () => {
    const asked = await waiting()
    await api.store.tasks.move({ taskId: asked.id, to: 'cancelled', events: [{ type: 'task-ended' }] })
    expect(await refusalOf(await decide(asked, { decision: 'approve' }))).toBe('409 conflict')
  })

  it('lets the first of 10 simultaneous ones win', async () => {
    const asked = await waiting()
    const answers = await Promise.all(Array.from({ length: 10 }, () => decide(asked, { decision: 'approve' })))
    const statuses = answers.map(({ status }) => status)
    expect(statuses.toSorted((one, other) => one - other)).toEqual([200, ...Array.from({ length: 9 }, () => 409)])
  })

  it('belongs to its task', async () => {
    const [asked, other] = [await waiting(), await waiting()]
    const response = await decide({ id: other.id, approvalId: asked.approvalId }, { decision: 'approve' })
    expect(await refusalOf(response)).toBe('404 not_found')
  })

  it.each([
    {},
    { decision: 'maybe' },
    { decision: true },
    { decision: 'approve', comment: 1 },
    { decision: 'approve', x: 1 },
  ])('is refused as %j', async (body) => {
    expect(await refusalOf(await decide(await waiting(), body))).toBe('422 invalid_request')
  })
})

describe('priority and budget', () => {
  it('answer 200 with the changed task', async () => {
    const id = await api.taskIn('building', { constraints: { budgetUsd: 1 } })
    const first = await post(id, 'priority', { priority: 1 })
    expect([first.status, ((await first.json()) as TaskView).priority]).toEqual([200, 1])
    const second = await post(id, 'budget', { budgetUsd: 2.5 })
    expect([second.status, ((await second.json()) as TaskView).constraints.budgetUsd]).toEqual([200, 2.5])
  })

  it.each(FINAL_STATES)('are 409 when the task is %s', async (state) => {
    const id = await api.taskIn(state)
    expect(await refusalOf(await post(id, 'priority', { priority: 1 }))).toBe('409 conflict')
    expect(await refusalOf(await post(id, 'budget', { budgetUsd: 1 }))).toBe('409 conflict')
  })

  it.each([
    ['priority', {}],
    ['priority', { priority: 0 }],
    ['priority', { priority: 6 }],
    ['priority', { priority: 1.5 }],
    ['priority', { priority: '1' }],
    ['priority', { priority: 1, why: 'x' }],
    ['budget', {}],
    ['budget', { budgetUsd: 0 }],
    ['budget', { budgetUsd: 1_000_001 }],
    ['budget', { budgetUsd: '5' }],
    ['budget', { budgetUsd: null }],
  ])('%s is refused as %j', async (route, body) => {
    expect(await refusalOf(await post(await api.taskIn('building'), route, body))).toBe('422 invalid_request')
  })
})

describe('a service behind the API that is away', () => {
  it.each([
    Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
    Object.assign(new Error('terminating connection due to administrator command'), { code: '57P01' }),
    new Error('Connection terminated unexpectedly'),
    new Error('Failed to signal', { cause: Object.assign(new Error('14 UNAVAILABLE'), { code: 14 }) }),
    new AggregateError([Object.assign(new Error('no'), { code: 'ECONNREFUSED' })]),
  ])('is 503 with Retry-After: %s', async (error) => {
    api.control.failNext('cancel', error)
    const response = await post(await api.taskIn('building'), 'cancel')
    expect(response.headers.get('retry-after')).toBe('1')
    expect(await refusalOf(response)).toBe('503 unavailable')
    expect(api.takeFaults()).toHaveLength(1)
  })

  it('is not confused with a fault of the gateway, which tells nothing', async () => {
    api.control.failNext('say', new Error('secret inner detail'))
    const response = await api.app.request(`/v1/tasks/${await api.taskIn('building')}/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${(await api.key()).key}`, 'content-type': 'application/json' },
      body: '{"text":"x"}',
    })
    const problem = await problemOf(response)
    expect(problem).toMatchObject({ status: 500, code: 'internal' })
    expect(JSON.stringify(problem)).not.toContain('secret')
    expect(JSON.stringify(api.takeFaults())).toContain('secret inner detail')
  })
})
