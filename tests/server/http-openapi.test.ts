import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestApi, type TestApi } from '../support/api.ts'
import { freshDatabase } from '../support/database.ts'

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required: boolean
  readonly schema: Readonly<Record<string, unknown>>
}
interface Operation {
  readonly summary?: string
  readonly security: readonly object[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, object>> }
  readonly responses: Readonly<Record<string, { readonly $ref?: string; readonly content?: object }>>
}
interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>
}

const PUBLIC = ['/healthz', '/readyz']
let api: TestApi
let document: Document
beforeAll(async () => {
  api = await openTestApi({ url: await freshDatabase() })
  document = (await (await api.call('/openapi.json', { as: 'nobody' })).json()) as Document
})
afterAll(() => api.close())

const operation = (path: string, method: string): Operation => document.paths[path]?.[method] as Operation
const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({ path, method, described })),
  )
const parameter = (path: string, method: string, name: string) =>
  operation(path, method).parameters?.find((candidate) => candidate.name === name)

describe('the OpenAPI document', () => {
  it('is 3.1 and names every route of the contract that is built', () => {
    expect(document.openapi).toBe('3.1.0')
    expect(operations().map(({ path, method }) => `${method.toUpperCase()} ${path}`)).toEqual(
      expect.arrayContaining([
        'POST /v1/tasks',
        'GET /v1/tasks',
        'GET /v1/tasks/{id}',
        'GET /v1/tasks/{id}/events',
        'GET /v1/tasks/{id}/patch',
        'GET /v1/tasks/{id}/transcript',
        'GET /v1/tasks/{id}/receipt',
        'POST /v1/tasks/{id}/cancel',
        'POST /v1/tasks/{id}/pause',
        'POST /v1/tasks/{id}/resume',
        'POST /v1/tasks/{id}/retry',
        'POST /v1/tasks/{id}/messages',
        'POST /v1/tasks/{id}/approvals/{approvalId}',
        'POST /v1/tasks/{id}/priority',
        'POST /v1/tasks/{id}/budget',
        'GET /v1/builders',
        'POST /v1/keys',
        'GET /v1/keys',
        'DELETE /v1/keys/{id}',
        'GET /v1/me',
        'GET /healthz',
        'GET /readyz',
      ]),
    )
  })

  it('has every reference it uses', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/(\w+)\/(\w+)"/g)]
    expect(references.length).toBeGreaterThan(50)
    for (const [, kind = '', name = ''] of references) expect(document.components[kind], name).toHaveProperty(name)
  })

  it('describes every path parameter as required', () => {
    for (const { path, described } of operations()) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      const found = (described.parameters ?? []).filter((candidate) => candidate.in === 'path')
      expect(found.map(({ name }) => name)).toEqual(names)
      expect(found.every(({ required }) => required)).toBe(true)
    }
  })

  it('guards all but the public routes and names their refusals as problems', () => {
    for (const { path, method, described } of operations()) {
      const guarded = !PUBLIC.includes(path)
      expect(described.security, path).toEqual(guarded ? [{ apiKey: [] }] : [])
      const expected = [
        ...(guarded ? ['401', '403'] : []),
        ...(path.includes('{') ? ['404'] : []),
        ...(method === 'post' ? ['400', '413', '415', '422'] : []),
        'default',
      ]
      for (const status of expected)
        expect(described.responses[status]?.$ref, `${method} ${path} ${status}`).toBe('#/components/responses/Problem')
    }
    expect(document.components['securitySchemes']).toEqual({ apiKey: expect.objectContaining({ scheme: 'bearer' }) })
    const problem = document.components['responses']?.['Problem']?.['content']
    expect(problem).toEqual({ 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } })
  })

  it('names the headers a client may send', () => {
    for (const path of ['/v1/tasks', '/v1/tasks/{id}/retry'])
      expect(parameter(path, 'post', 'Idempotency-Key')).toMatchObject({
        in: 'header',
        required: false,
        schema: { minLength: 1, maxLength: 255 },
      })
    expect(parameter('/v1/tasks/{id}/events', 'get', 'Last-Event-ID')).toMatchObject({ in: 'header', required: false })
  })

  it('gives limits as they are enforced', () => {
    const limit = { in: 'query', required: false, schema: { type: 'integer', minimum: 1, maximum: 200, default: 50 } }
    for (const path of ['/v1/tasks', '/v1/tasks/{id}/events'])
      expect(parameter(path, 'get', 'limit')).toMatchObject(limit)
    expect(document.components['schemas']?.['TaskRequest']).toMatchObject({
      additionalProperties: false,
      required: ['prompt'],
      properties: {
        prompt: { minLength: 1, maxLength: 32_768 },
        priority: { type: 'integer', enum: [1, 2, 3, 4, 5] },
        constraints: {
          properties: {
            budgetUsd: { exclusiveMinimum: 0, maximum: 1_000_000 },
            maxTurns: { type: 'integer', minimum: 1, maximum: 1_000 },
            deadline: { type: 'string', format: 'date-time' },
          },
        },
      },
    })
  })

  it('offers both forms of the events', () => {
    const { content } = operation('/v1/tasks/{id}/events', 'get').responses['200'] ?? {}
    expect(Object.keys(content ?? {}).toSorted()).toEqual(['application/json', 'text/event-stream'])
  })
})

describe('the documentation page', () => {
  it('loads nothing from elsewhere', async () => {
    const page = await api.call('/docs', { as: 'nobody' })
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'")
    const sources = [...(await page.text()).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source ?? '')
    expect(sources.length).toBeGreaterThan(2)
    for (const source of sources) {
      expect(source).toMatch(/^\/docs\//)
      expect((await api.call(source, { as: 'nobody' })).status).toBe(200)
    }
  })
})
