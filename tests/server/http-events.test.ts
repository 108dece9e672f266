import { getEventListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { openTestApi, problemOf, refusalOf, type TestApi } from '../support/api.ts'
import { freshDatabase } from '../support/database.ts'
import { framesOf, take, type Frame } from '../support/event-stream.ts'

let api: TestApi
beforeAll(async () => {
  api = await openTestApi({ url: await freshDatabase() })
})
afterAll(() => api.close())
afterEach(() => expect.poll(() => api.followers(), { timeout: 5_000 }).toBe(0))

interface Page {
  readonly items: readonly { readonly sequence: number; readonly type: string }[]
  readonly nextCursor: string | null
}
const pathOf = (id: string) => `/v1/tasks/${id}/events`
const follow = async (id: string, headers: Readonly<Record<string, string>> = {}) =>
  framesOf(await api.call(pathOf(id), { headers }))
async function all(frames: Promise<AsyncGenerator<Frame>>): Promise<readonly Frame[]> {
  const collected: Frame[] = []
  for await (const frame of await frames) collected.push(frame)
  return collected
}

/** A task with 7 events, the last of them its end when `ended`. */
async function eventfulTask({ ended }: { readonly ended: boolean }): Promise<string> {
  const taskId = await api.taskIn('building')
  for (let turn = 1; turn <= 5; turn += 1)
    await api.store.tasks.note({ taskId, events: [{ type: 'turn-started', data: { turn } }] })
  const last = { type: 'task-ended' as const, data: { state: 'failed' } }
  if (ended) await api.store.tasks.move({ taskId, to: 'failed', events: [last] })
  else await api.store.tasks.note({ taskId, events: [{ type: 'turn-started', data: { turn: 6 } }] })
  return taskId
}

describe('events as pages', () => {
  const page = async (id: string, query: string): Promise<Page> =>
    (await (await api.call(`${pathOf(id)}?${query}`, { headers: { accept: 'application/json' } })).json()) as Page

  it('come in order without gaps, each once, and end with a null cursor', async () => {
    const id = await eventfulTask({ ended: true })
    const seen: number[] = []
    let cursor: string | null = null
    do {
      const { items, nextCursor }: Page = await page(id, `limit=3${cursor === null ? '' : `&cursor=${cursor}`}`)
      seen.push(...items.map(({ sequence }) => sequence))
      cursor = nextCursor
    } while (cursor !== null)
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7])
  })

  it('carry the fields of their type beside the common ones, which nothing overrides', async () => {
    const id = await api.taskIn('building')
    const forged = { taskId: 'task-other', sequence: 99, type: 'task-ended', turn: 4 }
    await api.store.tasks.note({ taskId: id, events: [{ type: 'turn-started', data: forged }] })
    const { items } = await page(id, '')
    expect(items).toEqual([
      {
        sequence: 1,
        at: expect.any(String),
        type: 'task-received',
        taskId: id,
        channel: 'api',
        requester: 'key:other',
      },
      { sequence: 2, at: expect.any(String), type: 'turn-started', taskId: id, turn: 4 },
    ])
  })

  it('are empty behind the last one', async () => {
    expect(await page(await eventfulTask({ ended: false }), 'cursor=999999999')).toEqual({
      items: [],
      nextCursor: null,
    })
  })

  it.each([
    'limit=0',
    'limit=201',
    'limit=abc',
    'cursor=x',
    'cursor=-1',
    'cursor=',
    'cursor=99999999999',
    'cursor=%00',
  ])('are refused with %s, as a stream too', async (query) => {
    const id = await api.taskIn('building')
    for (const accept of ['application/json', 'text/event-stream']) {
      const problem = await problemOf(await api.call(`${pathOf(id)}?${query}`, { headers: { accept } }))
      expect([400, 422]).toContain(problem.status)
      expect(problem.errors).toMatchObject([{ pointer: `/${query.split('=')[0]}` }])
    }
  })

  it.each([
    ['application/json', 'application/json'],
    ['APPLICATION/JSON;q=0.9', 'application/json'],
    ['application/json, text/event-stream;q=0.1', 'application/json'],
    ['text/event-stream, application/json;q=0.1', 'text/event-stream'],
    ['*/*', 'text/event-stream'],
    ['text/html', 'text/event-stream'],
  ])('or a stream is chosen by Accept: %s', async (accept, type) => {
    const response = await api.call(pathOf(await eventfulTask({ ended: true })), { headers: { accept } })
    expect(response.headers.get('content-type')).toBe(type)
    await response.body?.cancel()
  })
})

describe('events as a stream', () => {
  it('are all sent and the stream ends with the task', async () => {
    const id = await eventfulTask({ ended: true })
    const frames = await all(follow(id))
    expect(frames.map((frame) => frame.id)).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(frames.at(-1)).toMatchObject({ event: 'task-ended', data: { sequence: 7, type: 'task-ended', taskId: id } })
  })

  it('leave nobody behind who listens for an end: Node keeps such a signal for ever', async () => {
    const joined = vi.spyOn(AbortSignal, 'any')
    try {
      await all(follow(await eventfulTask({ ended: true })))
      const signals = joined.mock.results.map(({ value }) => value as AbortSignal)
      expect(signals.map((signal) => getEventListeners(signal, 'abort').length)).toEqual([0])
    } finally {
      joined.mockRestore()
    }
  })

  it.each([0, 1, 4, 6])('resume after Last-Event-ID %i without loss or repetition', async (last) => {
    const id = await eventfulTask({ ended: true })
    const frames = await all(follow(id, { 'last-event-id': String(last) }))
    expect(frames.map((frame) => frame.id)).toEqual([1, 2, 3, 4, 5, 6, 7].filter((sequence) => sequence > last))
  })

  it.each([7, 8, 999_999_999])('end at once for who has seen the end, with Last-Event-ID %i', async (last) => {
    expect(await all(follow(await eventfulTask({ ended: true }), { 'last-event-id': String(last) }))).toEqual([])
  })

  it('begin behind a cursor too', async () => {
    const response = await api.call(`${pathOf(await eventfulTask({ ended: true }))}?cursor=5`)
    const ids: number[] = []
    for await (const { id } of framesOf(response)) ids.push(id)
    expect(ids).toEqual([6, 7])
  })

  it('come as they happen, to every follower, more than one page at once', async () => {
    const id = await api.taskIn('building')
    const followers = [await follow(id), await follow(id)]
    for (const frames of followers) expect((await take(frames, 1))[0]?.event).toBe('task-received')
    const burst = Array.from({ length: 450 }, (_, turn) => ({ type: 'turn-started' as const, data: { turn } }))
    await api.store.tasks.note({ taskId: id, events: burst })
    await api.store.tasks.move({ taskId: id, to: 'cancelled', events: [{ type: 'task-ended' }] })
    for (const frames of followers) {
      const rest = await take(frames, 451)
      expect(rest.map((frame) => frame.id)).toEqual(Array.from({ length: 451 }, (_, index) => index + 2))
      expect((await frames.next()).done).toBe(true)
    }
  })

  it('are followed no longer once the client leaves between two of them', async () => {
    const frames = await follow(await eventfulTask({ ended: false }))
    await take(frames, 3)
    expect(api.followers()).toBe(1)
    await frames.return(undefined)
    await expect.poll(() => api.followers(), { timeout: 5_000 }).toBe(0)
  })

  it('are followed no longer once the client leaves while it waits', async () => {
    const reader = (await api.call(pathOf(await api.taskIn('building')))).body?.getReader()
    await reader?.read()
    await reader?.read()
    const waiting = reader?.read()
    await delay(20)
    expect(api.followers()).toBe(1)
    await reader?.cancel()
    expect((await waiting)?.done).toBe(true)
    await expect.poll(() => api.followers(), { timeout: 5_000 }).toBe(0)
  })

  it('are not followed for HEAD', async () => {
    const response = await api.call(pathOf(await eventfulTask({ ended: false })), { method: 'HEAD' })
    expect([response.status, response.body]).toEqual([200, null])
    await delay(20)
    expect(api.followers()).toBe(0)
  })

  it.each(['x', '-1', '1.5', '99999999999', '1 2'])('are refused after Last-Event-ID %s', async (last) => {
    const id = await api.taskIn('building')
    for (const accept of ['application/json', 'text/event-stream']) {
      const response = await api.call(pathOf(id), { headers: { 'last-event-id': last, accept } })
      expect(await refusalOf(response)).toBe('422 invalid_request')
    }
  })

  it('end when the server closes', async () => {
    const frames = await follow(await api.taskIn('building'))
    await take(frames, 1)
    api.closing.abort()
    expect((await frames.next()).done).toBe(true)
  })
})
