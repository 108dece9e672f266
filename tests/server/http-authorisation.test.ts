import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROLES, type Role } from '../../domain/permissions.ts'
import { openTestApi, problemOf, refusalOf, type Call, type TestApi } from '../support/api.ts'
import { freshDatabase } from '../support/database.ts'

let api: TestApi
beforeAll(async () => {
  api = await openTestApi({ url: await freshDatabase() })
})
afterAll(() => api.close())

describe('a request without a valid credential', () => {
  it.each([
    '/v1',
    '/v1/',
    '/v1/tasks',
    '/v1/tasks/task-1',
    '/v1/nothing',
    '/%761/tasks',
    '/v1/signatures',
    '/v1/history',
    '/v1/audit',
    '/v1/audit/verify',
    '/v1/links',
    '/mcp',
    '/mcp/x',
    '/codec',
    '/codec/encode',
    '/codec/decode',
  ])('to %s is 401 by every method', async (path) => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      const response = await api.call(path, { method, as: 'nobody' })
      expect(response.headers.get('www-authenticate')).toMatch(/^Bearer /)
      expect(await refusalOf(response)).toBe('401 unauthenticated')
    }
  })

  it.each(['', 'Bearer', 'Bearer ', 'Bearer wrong', 'Basic YWRtaW46YWRtaW4=', 'wrong', "Bearer ' or 1=1 --"])(
    'is 401 with the header %j',
    async (authorization) => {
      const response = await api.call('/v1/me', { as: 'nobody', headers: { authorization } })
      expect(await refusalOf(response)).toBe('401 unauthenticated')
    },
  )

  it('is 401 before anything else is looked at', async () => {
    const wrong: Call = { as: 'nobody', body: '{bad', headers: { 'content-type': 'text/plain' } }
    expect(await refusalOf(await api.call('/v1/tasks', wrong))).toBe('401 unauthenticated')
    expect(await refusalOf(await api.call('/v1/tasks?limit=abc', { as: 'nobody' }))).toBe('401 unauthenticated')
  })

  it('reaches what is public', async () => {
    for (const path of ['/healthz', '/readyz', '/openapi.json', '/docs'])
      expect((await api.call(path, { as: 'nobody' })).status).toBe(200)
  })

  it('is not known by a key that expired or was revoked', async () => {
    const expired = await api.key({ expiresAt: '2020-01-01T00:00:00Z' })
    expect(await refusalOf(await api.call('/v1/me', { as: expired }))).toBe('401 unauthenticated')
    const revoked = await api.key()
    expect((await api.call('/v1/me', { as: revoked })).status).toBe(200)
    await api.store.keys.revoke(revoked.id, 'default')
    expect(await refusalOf(await api.call('/v1/me', { as: revoked }))).toBe('401 unauthenticated')
  })

  it('may write the scheme as it likes', async () => {
    const { key } = await api.key()
    for (const authorization of [`bearer ${key}`, `BEARER   ${key}`])
      expect((await api.call('/v1/me', { as: 'nobody', headers: { authorization } })).status).toBe(200)
  })
})

describe('roles', () => {
  /** Who may do what; everybody else is refused with 403. */
  const MATRIX: readonly (readonly [string, Call, readonly Role[]])[] = [
    ['/v1/tasks', { json: { prompt: 'x' } }, ['admin', 'operator', 'submitter', 'service']],
    ['/v1/tasks', {}, ROLES],
    ['/v1/tasks/{id}', {}, ROLES],
    ['/v1/tasks/{id}/events?limit=1', { headers: { accept: 'application/json' } }, ROLES],
    ['/v1/tasks/{id}/transcript', {}, ROLES],
    ['/v1/receipt-keys', {}, ROLES],
    ['/v1/tasks/{id}/messages', { json: { text: 'x' } }, ['admin', 'operator']],
    ['/v1/tasks/{id}/priority', { json: { priority: 2 } }, ['admin', 'operator']],
    ['/v1/tasks/{id}/budget', { json: { budgetUsd: 5 } }, ['admin', 'operator']],
    ['/v1/builders', {}, ['admin', 'operator', 'viewer', 'auditor']],
    ['/v1/keys', {}, ['admin']],
    ['/v1/keys', { json: { name: 'x', roles: ['viewer'] } }, ['admin']],
    ['/v1/me', {}, ROLES],
  ]

  it.each(MATRIX)('%s %j is only for %j', async (path, call, roles) => {
    const id = await api.taskIn('building')
    for (const as of ROLES) {
      const response = await api.call(path.replace('{id}', id), { ...call, as })
      if (roles.includes(as)) expect(response.status, as).toBeLessThan(300)
      else expect(await refusalOf(response), as).toBe('403 forbidden')
    }
  })

  it.each(['cancel', 'pause'])('let a submitter %s its own task and no other', async (verb) => {
    const submitter = await api.key({ roles: ['submitter'] })
    const own = await api.task({}, submitter)
    for (const to of ['understanding', 'queued', 'building'] as const)
      await api.store.tasks.move({ taskId: own.id, to })
    const post = (id: string) => api.call(`/v1/tasks/${id}/${verb}`, { method: 'POST', as: submitter })
    expect((await post(own.id)).status).toBe(202)
    expect(await refusalOf(await post(await api.taskIn('building')))).toBe('403 forbidden')
  })

  it('add up', async () => {
    const both = await api.key({ roles: ['viewer', 'submitter'] })
    const me = await (await api.call('/v1/me', { as: both })).json()
    expect(me).toEqual({
      subject: `key:${both.id}`,
      name: 'test',
      tenant: 'default',
      roles: ['viewer', 'submitter'],
      permissions: [
        'builder:read',
        'memory:delete',
        'memory:read',
        'task:approve',
        'task:control',
        'task:read',
        'task:submit',
      ],
    })
  })
})

describe("another tenant's task", () => {
  it('is 404 on every route, exactly as an unknown one', async () => {
    const acme = await api.key({ tenant: 'acme' })
    const { id } = await api.task()
    const routes: readonly (readonly [string, Call])[] = [
      ['', {}],
      ['/events', {}],
      ['/patch', {}],
      ['/transcript', {}],
      ['/receipt', {}],
      ['/cancel', { method: 'POST' }],
      ['/pause', { method: 'POST' }],
      ['/resume', { method: 'POST' }],
      ['/retry', { method: 'POST' }],
      ['/messages', { json: { text: 'x' } }],
      ['/approvals/approval-1', { json: { decision: 'approve' } }],
      ['/priority', { json: { priority: 1 } }],
      ['/budget', { json: { budgetUsd: 1 } }],
    ]
    for (const [path, call] of routes) {
      const foreign = await problemOf(await api.call(`/v1/tasks/${id}${path}`, { ...call, as: acme }))
      const unknown = await problemOf(await api.call(`/v1/tasks/task-0${path}`, { ...call, as: acme }))
      expect(foreign.status, path).toBe(404)
      expect({ ...foreign, detail: foreign.detail.replace(id, 'task-0') }).toEqual(unknown)
    }
  })

  it('stands in no list', async () => {
    const acme = await api.key({ tenant: 'acme' })
    await api.task()
    const { items } = (await (await api.call('/v1/tasks?limit=200', { as: acme })).json()) as { items: object[] }
    expect(items.filter((task) => (task as { tenant: string }).tenant !== 'acme')).toEqual([])
  })
})

describe('the order of refusals', () => {
  const WRONG: Call = { body: '{bad' }

  it('is 403 before 422 for who may not create', async () => {
    expect(await refusalOf(await api.call('/v1/tasks', { ...WRONG, as: 'viewer' }))).toBe('403 forbidden')
    expect(await refusalOf(await api.call('/v1/keys', { ...WRONG, as: 'operator' }))).toBe('403 forbidden')
  })

  it.each(['messages', 'priority', 'budget', 'approvals/approval-0', 'cancel', 'retry'])(
    'is 404 before 400 for %s of an unknown task',
    async (route) => {
      expect(await refusalOf(await api.call(`/v1/tasks/task-0/${route}`, WRONG))).toBe('404 not_found')
    },
  )

  it.each(['messages', 'priority', 'budget', 'cancel', 'retry'])(
    'is 403 before 400 for %s of a task of somebody else',
    async (route) => {
      const id = await api.taskIn('building')
      expect(await refusalOf(await api.call(`/v1/tasks/${id}/${route}`, { ...WRONG, as: 'submitter' }))).toBe(
        '403 forbidden',
      )
    },
  )

  it.each(['messages', 'priority', 'budget', 'cancel', 'pause', 'resume'])(
    'is 400 before 409 for %s of an ended task',
    async (route) => {
      const id = await api.taskIn('completed')
      expect(await refusalOf(await api.call(`/v1/tasks/${id}/${route}`, WRONG))).toBe('400 invalid_json')
    },
  )

  it('is 422 before 409 for a retry with a wrong key', async () => {
    const path = `/v1/tasks/${await api.taskIn('building')}/retry`
    const response = await api.call(path, { method: 'POST', headers: { 'idempotency-key': 'é' } })
    expect(await refusalOf(response)).toBe('422 invalid_request')
  })

  it('is 404 for an unknown approval before its body and its task’s state count', async () => {
    const path = `/v1/tasks/${await api.taskIn('completed')}/approvals/approval-0`
    expect(await refusalOf(await api.call(path, WRONG))).toBe('404 not_found')
    expect(await refusalOf(await api.call(path, { json: { decision: 'approve' } }))).toBe('404 not_found')
  })
})

describe('a path nobody built', () => {
  it.each(['/v1', '/v1/nothing', '/v1/tasks/x/nothing', '/mcp/nothing', '/codec/nothing'])(
    'as %s is 404 with a credential',
    async (path) => {
      for (const method of ['GET', 'POST', 'DELETE'])
        expect(await refusalOf(await api.call(path, { method }))).toBe('404 not_found')
    },
  )
})
