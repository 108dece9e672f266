import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { taskViewSchema, type TaskView } from '../../domain/schemas/task.ts'
import { openTestApi, refusalOf, type TestApi } from '../support/api.ts'
import { chatMessage, messagePost, received } from '../support/chat/messages.ts'
import { freshDatabase } from '../support/database.ts'

let api: TestApi
beforeAll(async () => {
  api = await openTestApi({ url: await freshDatabase() })
})
afterAll(() => api.close())

const taskAt = async (path: string): Promise<TaskView> => (await (await api.call(path)).json()) as TaskView

interface Page {
  readonly items: readonly TaskView[]
  readonly nextCursor: string | null
}
async function page(query: string, as?: { readonly key: string }): Promise<Page> {
  const response = await api.call(`/v1/tasks?${query}`, as && { as })
  expect(response.status).toBe(200)
  return (await response.json()) as Page
}

describe('creating a task', () => {
  it('answers 202 with the task, its place and its links, and starts its Manager', async () => {
    const response = await api.call('/v1/tasks', { json: { prompt: 'Fix the parser\nIt loops.', labels: ['a'] } })
    expect(response.status).toBe(202)
    const task = (await response.json()) as TaskView
    expect(response.headers.get('location')).toBe(`/v1/tasks/${task.id}`)
    expect(task).toMatchObject({
      title: 'Fix the parser',
      kind: 'code',
      state: 'received',
      priority: 3,
      prompt: 'Fix the parser\nIt loops.',
      repository: null,
      acceptance: null,
      labels: ['a'],
      channel: 'api',
      tenant: 'default',
      progress: { turn: 0, maxTurns: 100, plan: [], lastEvent: 'task-received' },
      cost: { usd: 0, modelCalls: 0 },
      links: {
        self: `http://gateway.test/v1/tasks/${task.id}`,
        events: `http://gateway.test/v1/tasks/${task.id}/events`,
        patch: `http://gateway.test/v1/tasks/${task.id}/patch`,
        temporal: `http://temporal.test/namespaces/default/workflows/${task.id}`,
      },
    })
    expect(api.control.calls).toContainEqual({ verb: 'start', argument: task.id })
  })

  it('keeps everything the requester set', async () => {
    const request = {
      prompt: 'Sum the rows',
      title: 'Totals',
      kind: 'data' as const,
      repository: { url: 'https://github.com/acme/web', ref: 'main' },
      acceptance: { setup: ['npm ci'], commands: ['npm test'], protectedPaths: ['tests/**'] },
      constraints: {
        budgetUsd: 1.5,
        maxTurns: 7,
        deadline: '2090-01-01T00:00:00+01:00',
        approvalMode: 'plan' as const,
        network: 'none' as const,
      },
      priority: 1 as const,
      labels: ['x', 'y'],
      callbackUrl: 'https://example.com/done',
    }
    const { callbackUrl: _, ...shown } = request
    expect(await api.task(request)).toMatchObject(shown)
  })

  it('shows exactly the fields that are documented, before and after the end', async () => {
    for (const id of [(await api.task()).id, await api.taskIn('building'), await api.taskIn('completed')]) {
      const task = await taskAt(`/v1/tasks/${id}`)
      expect(taskViewSchema.parse(task)).toEqual(task)
    }
  })

  it('stays accepted when its Manager cannot be started now', async () => {
    api.control.failNext('start', new Error('Temporal is away'))
    expect((await api.call('/v1/tasks', { json: { prompt: 'x' } })).status).toBe(202)
    expect(api.takeFaults()).toHaveLength(1)
  })

  it('cuts a long first line to a title of whole characters', async () => {
    expect((await api.task({ prompt: '😀'.repeat(100) })).title).toBe(`${'😀'.repeat(79)}…`)
    expect((await api.task({ prompt: `\n ${'x'.repeat(80)} \nmore` })).title).toBe('x'.repeat(80))
  })
})

describe('listing tasks', () => {
  it('pages through all of them once, newest first, and ends with a null cursor', async () => {
    const tenant = await api.key({ tenant: 'pages' })
    const made: string[] = []
    for (let index = 0; index < 5; index += 1) made.push((await api.task({ prompt: `task ${index}` }, tenant)).id)
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const { items, nextCursor }: Page = await page(`limit=2${cursor === null ? '' : `&cursor=${cursor}`}`, tenant)
      expect(items.length).toBeLessThanOrEqual(2)
      seen.push(...items.map(({ id }) => id))
      cursor = nextCursor
    } while (cursor !== null)
    expect(seen).toEqual(made.toReversed())
  })

  it('filters by state, kind and text, where % and _ are only themselves', async () => {
    const tenant = await api.key({ tenant: 'filters' })
    const percent = await api.task({ prompt: 'Raise it by 100%_', kind: 'data' }, tenant)
    await api.task({ prompt: 'Raise it by 1000' }, tenant)
    const found = async (query: string) => (await page(query, tenant)).items.map(({ id }) => id)
    expect(await found('kind=data')).toEqual([percent.id])
    expect(await found(`q=${encodeURIComponent('100%_')}`)).toEqual([percent.id])
    expect(await found('q=RAISE')).toHaveLength(2)
    expect(await found('q=')).toHaveLength(2)
    expect(await found('state=received')).toHaveLength(2)
    expect(await found('state=completed&kind=data')).toEqual([])
  })

  it('gives 50 unless asked, at most 200', async () => {
    const tenant = await api.key({ tenant: 'many' })
    for (let index = 0; index < 52; index += 1) await api.task({}, tenant)
    expect((await page('', tenant)).items).toHaveLength(50)
    expect((await page('limit=200', tenant)).items).toHaveLength(52)
  })

  it('ignores parameters it does not know', async () => {
    expect((await page('colour=red')).items).not.toHaveLength(0)
  })
})

describe('running a task again', () => {
  it('makes a new task like the old one, with retryOf', async () => {
    const constraints = { budgetUsd: 2, deadline: '2090-01-01T00:00:00Z' }
    const old = await api.taskIn('failed', { prompt: 'again', labels: ['x'], constraints })
    const response = await api.call(`/v1/tasks/${old}/retry`, { method: 'POST' })
    expect(response.status).toBe(202)
    const task = (await response.json()) as TaskView
    expect(task).toMatchObject({ retryOf: old, prompt: 'again', labels: ['x'], constraints, state: 'received' })
    expect(task.id).not.toBe(old)
    expect(response.headers.get('location')).toBe(`/v1/tasks/${task.id}`)
  })

  it('drops a deadline that has passed', async () => {
    const old = await api.taskIn('expired', { constraints: { deadline: '2020-01-01T00:00:00Z', maxTurns: 3 } })
    const task = (await (await api.call(`/v1/tasks/${old}/retry`, { method: 'POST' })).json()) as TaskView
    expect(task.constraints).toEqual({ maxTurns: 3 })
  })

  it('is refused before the end, whatever else is right', async () => {
    const { id } = await api.task()
    expect(await refusalOf(await api.call(`/v1/tasks/${id}/retry`, { method: 'POST' }))).toBe('409 conflict')
  })
})

describe('messages about a task', () => {
  it('are counted by what became of them, so that one nobody can tell of is seen', async () => {
    const { id } = (await (await api.call('/v1/tasks', { json: { prompt: 'Fix it.' } })).json()) as TaskView
    expect((await taskAt(`/v1/tasks/${id}`)).notifications).toBeUndefined()
    const conversation = await received(api.store, chatMessage())
    await api.store.outbox.post([1, 2, 3].map(() => messagePost(conversation, { taskId: id })))
    const claimed = await api.store.outbox.claim('telegram')
    const attempt = { id: claimed?.post.id ?? '', attempt: claimed?.attempt ?? 0 }
    await api.store.outbox.settle({ ...attempt, outcome: { state: 'unknown', reason: 'no answer' } })
    await api.store.outbox.claim('telegram')
    const task = await taskAt(`/v1/tasks/${id}`)
    expect(task.notifications).toEqual({ pending: 2, sent: 0, unknown: 1, failed: 0, doubled: 0 })
    expect(taskViewSchema.parse(task)).toEqual(task)
  })
})
