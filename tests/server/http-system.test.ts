import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestApi, refusalOf, type TestApi } from '../support/api.ts'
import { freshDatabase } from '../support/database.ts'

let now = new Date('2026-01-01T00:00:00Z')
let failing: readonly string[] = []
let api: TestApi
beforeAll(async () => {
  api = await openTestApi({
    url: await freshDatabase(),
    clock: () => now,
    ready: async () => ({ ok: failing.length === 0, failing }),
  })
})
afterAll(() => api.close())

describe('health', () => {
  it('is the process alone', async () => {
    const response = await api.call('/healthz', { as: 'nobody' })
    expect([response.status, await response.json()]).toEqual([200, { ok: true }])
  })

  it('names what is not ready, with 503', async () => {
    const ready = async () => {
      const response = await api.call('/readyz', { as: 'nobody' })
      return [response.status, await response.json()]
    }
    expect(await ready()).toEqual([200, { ok: true, failing: [] }])
    failing = ['temporal']
    expect(await ready()).toEqual([503, { ok: false, failing: ['temporal'] }])
  })
})

describe('the Builder Pool', () => {
  it('shows its builders, queue and bounds', async () => {
    await api.store.builders.report({
      ...{ id: 'builder-1', pid: 7, host: 'h', state: 'busy', seats: 4, seatsUsed: 1 },
      ...{ tasks: ['task-1'], restarts: 2, cpu: 0.5, rssBytes: 3_000_000_000, supervised: true },
    })
    expect(await (await api.call('/v1/builders')).json()).toEqual({
      items: [
        {
          id: 'builder-1',
          pid: 7,
          host: 'h',
          state: 'busy',
          seats: 4,
          seatsUsed: 1,
          tasks: ['task-1'],
          startedAt: expect.any(String),
          lastHeartbeatAt: expect.any(String),
          restarts: 2,
          cpu: 0.5,
          rssBytes: 3_000_000_000,
          supervised: true,
        },
      ],
      queueDepth: 0,
      oldestWaitMs: 0,
      min: 2,
      max: 10,
    })
  })
})

describe('a method a path does not know', () => {
  it.each([
    ['/v1/tasks', 'PUT', 'GET, HEAD, POST'],
    ['/v1/tasks', 'DELETE', 'GET, HEAD, POST'],
    ['/v1/tasks', 'OPTIONS', 'GET, HEAD, POST'],
    ['/v1/tasks/task-1', 'PATCH', 'GET, HEAD'],
    ['/v1/tasks/task-1/cancel', 'GET', 'POST'],
    ['/v1/tasks/task-1/cancel', 'HEAD', 'POST'],
    ['/v1/tasks/task-1/approvals/x', 'PUT', 'POST'],
    ['/v1/keys/key-1', 'GET', 'DELETE'],
    ['/v1/me', 'POST', 'GET, HEAD'],
    ['/healthz', 'POST', 'GET, HEAD'],
    ['/openapi.json', 'DELETE', 'GET, HEAD'],
  ])('%s %s is 405 and tells those it knows', async (path, method, allow) => {
    const response = await api.call(path, { method })
    expect([response.status, response.headers.get('allow')]).toEqual([405, allow])
    if (method !== 'HEAD') expect(await refusalOf(response)).toBe('405 method_not_allowed')
  })

  it('is HEAD nowhere where GET is known', async () => {
    for (const path of ['/v1/tasks', '/v1/me', '/healthz', `/v1/tasks/${await api.taskIn('building')}`]) {
      const response = await api.call(path, { method: 'HEAD' })
      expect([response.status, await response.text()]).toEqual([200, ''])
    }
  })
})

describe('signing in by link', () => {
  const open = (code: string) => api.call(`/sign-in/${code}`, { as: 'nobody' })
  const cookieOf = (response: Response) => response.headers.get('set-cookie')?.split(';')[0] ?? ''
  const me = async (headers: Readonly<Record<string, string>>) => api.call('/v1/me', { as: 'nobody', headers })

  it('works once and makes the browser an operator without a key', async () => {
    const code = api.signIn.issueCode()
    const response = await open(code)
    expect([response.status, response.headers.get('location')]).toEqual([302, '/docs'])
    expect(response.headers.get('set-cookie')).toMatch(/HttpOnly; SameSite=Strict/)
    expect(await (await me({ cookie: cookieOf(response) })).json()).toMatchObject({ subject: 'operator' })
    expect(await refusalOf(await open(code))).toBe('401 unauthenticated')
  })

  it('is not used up by a preview of the link', async () => {
    const code = api.signIn.issueCode()
    const preview = await api.call(`/sign-in/${code}`, { as: 'nobody', method: 'HEAD' })
    expect([preview.status, preview.headers.get('set-cookie')]).toEqual([200, null])
    expect((await open(code)).status).toBe(302)
  })

  it('counts for nothing in a request another site caused, or beside a wrong key', async () => {
    const cookie = cookieOf(await open(api.signIn.issueCode()))
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { authorization: 'Bearer wrong' }])
      expect(await refusalOf(await me({ cookie, ...headers }))).toBe('401 unauthenticated')
    expect((await me({ cookie, 'sec-fetch-site': 'same-origin' })).status).toBe(200)
  })

  it('ends: the code after 15 minutes, the session after 10 hours', async () => {
    const [early, late] = [api.signIn.issueCode(), api.signIn.issueCode()]
    now = new Date(now.getTime() + 14 * 60_000)
    const cookie = cookieOf(await open(early))
    now = new Date(now.getTime() + 2 * 60_000)
    expect(await refusalOf(await open(late))).toBe('401 unauthenticated')
    expect((await me({ cookie })).status).toBe(200)
    now = new Date(now.getTime() + 10 * 3_600_000)
    expect(await refusalOf(await me({ cookie }))).toBe('401 unauthenticated')
  })

  it.each(['', '%00', '%', 'x'])('is refused with the code %j', async (code) => {
    expect((await open(code)).status).toBe(code === '' ? 404 : 401)
  })
})

describe('answers', () => {
  it('are never cached below /v1 and never guessed at', async () => {
    for (const path of ['/v1/me', '/v1/nothing']) {
      const { headers } = await api.call(path)
      expect([headers.get('cache-control'), headers.get('x-content-type-options')]).toEqual(['no-store', 'nosniff'])
    }
  })

  it('send a visitor from / to the documentation', async () => {
    const response = await api.call('/', { as: 'nobody' })
    expect([response.status, response.headers.get('location')]).toEqual([302, '/docs'])
  })
})
