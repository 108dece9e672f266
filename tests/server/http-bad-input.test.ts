import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestApi, problemOf, refusalOf, type TestApi } from '../support/api.ts'
import { freshDatabase } from '../support/database.ts'

let api: TestApi
let running: string
beforeAll(async () => {
  api = await openTestApi({ url: await freshDatabase() })
  running = await api.taskIn('building')
})
afterAll(() => api.close())

const send = (body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}) =>
  api.call('/v1/tasks', { body, headers })
const nested = (depth: number) => `{"prompt":"x","labels":${'['.repeat(depth)}${']'.repeat(depth)}}`

describe('a body', () => {
  it.each<[string, string | Uint8Array, string]>([
    ['is empty', '', '400 invalid_json'],
    ['is not JSON', '{"prompt":', '400 invalid_json'],
    ['is two values', '{"prompt":"x"}{}', '400 invalid_json'],
    ['is not UTF-8', Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d), '400 invalid_json'],
    ['is UTF-16', Buffer.from('{"prompt":"x"}', 'utf16le'), '400 invalid_json'],
    ['holds a raw NUL', '{"prompt":"a\0b"}', '400 invalid_json'],
    ['holds an escaped NUL', '{"prompt":"a\\u0000b"}', '422 invalid_request'],
    ['holds NUL in a name', '{"prompt":"x","a\\u0000b":1}', '422 invalid_request'],
    ['holds __proto__', '{"prompt":"x","__proto__":{"admin":true}}', '422 invalid_request'],
    ['holds __proto__ deeper', '{"prompt":"x","constraints":{"__proto__":{}}}', '422 invalid_request'],
    ['spells __proto__ by escapes', '{"prompt":"x","\\u005f_proto__":{}}', '422 invalid_request'],
    ['holds constructor', '{"prompt":"x","constructor":{"prototype":{}}}', '422 invalid_request'],
    ['holds half of a surrogate pair', '{"prompt":"\\ud800"}', '422 invalid_request'],
    ['is an array', '[]', '422 invalid_request'],
    ['is null', 'null', '422 invalid_request'],
    ['is a text', '"prompt"', '422 invalid_request'],
    ['holds a number beyond all bounds', '{"prompt":"x","priority":1e999}', '422 invalid_request'],
    ['is nested 1,000 levels deep', nested(1_000), '422 invalid_request'],
    ['is nested 500,000 levels deep', nested(500_000), '422 invalid_request'],
  ])('that %s is refused', async (_, body, refusal) => {
    expect(await refusalOf(await send(body))).toBe(refusal)
  })

  it('is refused with every fault at its place', async () => {
    const body = { prompt: '', priority: 9, constraints: { maxTurns: 0, speed: 1 }, 'a/b~c': 1 }
    const { errors } = await problemOf(await api.call('/v1/tasks', { json: body }))
    expect(errors?.map(({ pointer }) => pointer).toSorted()).toEqual([
      '/a~1b~0c',
      '/constraints/maxTurns',
      '/constraints/speed',
      '/priority',
      '/prompt',
    ])
  })

  it('with 50,000 faults gets a short answer', async () => {
    const fields = Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`field${index}`, 1]))
    const response = await api.call('/v1/tasks', { json: { prompt: 'x', ...fields } })
    const { errors, detail } = await problemOf(response)
    expect(errors).toHaveLength(50)
    expect(detail.length).toBeLessThan(1_100)
  })

  it('of 1 MiB is read, one byte more is refused', async () => {
    const frame = '{"prompt":""}'.length
    const body = (size: number) => `{"prompt":"${'x'.repeat(size - frame)}"}`
    expect(await refusalOf(await send(body(1_048_576)))).toBe('422 invalid_request')
    expect(await refusalOf(await send(body(1_048_577)))).toBe('413 body_too_large')
  })

  it('may begin with a byte order mark', async () => {
    expect((await send('\ufeff{"prompt":"x"}')).status).toBe(202)
  })

  it.each(['application/json', 'Application/JSON; charset=utf-8', 'application/vnd.acme+json'])(
    'is read as %s',
    async (type) => {
      expect((await send('{"prompt":"x"}', { 'content-type': type })).status).toBe(202)
    },
  )

  it.each<[string, Record<string, string>]>([
    ['no type', { 'content-type': '' }],
    ['text/plain', { 'content-type': 'text/plain' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['application/jsonp', { 'content-type': 'application/jsonp' }],
    ['a compressed body', { 'content-encoding': 'gzip' }],
  ])('sent as %s is refused with 415', async (_, headers) => {
    expect(await refusalOf(await send('{"prompt":"x"}', headers))).toBe('415 unsupported_media_type')
  })
})

describe('a request that needs no body', () => {
  const cancel = async (body?: string) =>
    api.call(`/v1/tasks/${await api.taskIn('building')}/cancel`, {
      method: 'POST',
      ...(body !== undefined && { body }),
    })

  it.each([undefined, '', '{}'])('is accepted with %j', async (body) => {
    expect((await cancel(body)).status).toBe(202)
  })

  it.each([
    ['{"reason":"x"}', '422 invalid_request'],
    ['{"a":"\\u0000"}', '422 invalid_request'],
    ['{bad', '400 invalid_json'],
    ['x'.repeat(1_048_577), '413 body_too_large'],
  ])('is refused with a wrong one', async (body, refusal) => {
    expect(await refusalOf(await cancel(body))).toBe(refusal)
  })
})

describe('a query', () => {
  it.each(['0', '201', '-1', 'abc', '1.5', '1e2', '0x10', '', '+5', '%205', 'NaN', '99999999999999999999'])(
    'with limit=%s is refused at its place',
    async (limit) => {
      const problem = await problemOf(await api.call(`/v1/tasks?limit=${limit}`))
      expect(problem).toMatchObject({ status: 422, errors: [{ pointer: '/limit' }] })
    },
  )

  it.each(['1', '200', '050'])('with limit=%s is answered', async (limit) => {
    expect((await api.call(`/v1/tasks?limit=${limit}`)).status).toBe(200)
  })

  it.each(['state=lost', 'kind=poem', 'limit=1&limit=2', 'q=a&q=b', 'q=%00', 'q=a%00b', `q=${'x'.repeat(501)}`])(
    '?%s is refused',
    async (query) => {
      expect(await refusalOf(await api.call(`/v1/tasks?${query}`))).toBe('422 invalid_request')
    },
  )

  it.each(['x', '%00', 'task-1', 'dGFzay0x', '....', '%F0%9F%98%80', 'a'.repeat(501), ''])(
    'with the cursor %j is refused at its place',
    async (cursor) => {
      const problem = await problemOf(await api.call(`/v1/tasks?cursor=${cursor}`))
      expect([400, 422]).toContain(problem.status)
      expect(problem.errors).toMatchObject([{ pointer: '/cursor' }])
    },
  )

  it.each(['q=%', 'q=%FF', 'q=%E0%A4%A', 'q=%5C', "q='", '%=1', '&&==&', 'q[]=1', '__proto__=1', 'constructor=1'])(
    '?%s is only text',
    async (query) => {
      expect((await api.call(`/v1/tasks?${query}`)).status).toBe(200)
    },
  )
})

describe('a path', () => {
  it.each(['%00', '%E0%A4%A', '%', '%FF', '..%2f..', '%2e%2e', "'", 'task-', 'x'.repeat(5_000), '😀', '__proto__'])(
    'with the task id %s leads nowhere',
    async (id) => {
      expect(await refusalOf(await api.call(`/v1/tasks/${id}`))).toMatch(/^404 /)
      expect(await refusalOf(await api.call(`/v1/tasks/${id}/cancel`, { method: 'POST' }))).toMatch(/^404 /)
    },
  )

  it.each(['%00', '%', "'", 'approval-x', '😀'])('with the approval id %s leads nowhere', async (id) => {
    const path = `/v1/tasks/${running}/approvals/${id}`
    expect(await refusalOf(await api.call(path, { json: { decision: 'approve' } }))).toBe('404 not_found')
  })

  it.each(['%00', '%', "'", 'key-x', '😀'])('with the key id %s leads nowhere', async (id) => {
    expect(await refusalOf(await api.call(`/v1/keys/${id}`, { method: 'DELETE' }))).toBe('404 not_found')
  })

  it.each(['/v1/tasks/', '//v1/tasks', '/v1/tasks//x', '/v1/Tasks', '/nothing', '/docs/../../etc/passwd'])(
    'that stands nowhere, as %s, is 404',
    async (path) => {
      expect(await refusalOf(await api.call(path))).toBe('404 not_found')
    },
  )
})
