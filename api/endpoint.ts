import { createRoute, type OpenAPIHono, type RouteConfig } from '@hono/zod-openapi'
import type { z } from 'zod'
import type { ApiContext, ApiEnvironment } from './caller.ts'

export type Api = OpenAPIHono<ApiEnvironment>

/** What a route answers when it does not refuse. */
export interface Answer {
  readonly description: string
  /** Schema of the JSON answer. */
  readonly schema?: z.ZodType
  /** Media type of an answer that is not JSON, or of the other form of one that is. */
  readonly mediaType?: string
  readonly headers?: z.ZodObject
}

/** One route: what the OpenAPI document says of it, and what it does. */
export interface Endpoint {
  readonly method: 'get' | 'post' | 'delete'
  /** OpenAPI form: `/v1/tasks/{id}`. */
  readonly path: string
  readonly summary: string
  readonly tag: string
  readonly body?: z.ZodType
  readonly query?: z.ZodObject
  readonly headers?: z.ZodObject
  readonly parameters?: z.ZodObject
  readonly answer: Answer & { readonly status: number }
  /** Another status that is no refusal. */
  readonly otherAnswer?: Answer & { readonly status: number }
  /** Whether the state of the task, or of what is asked for, may forbid it: 409. */
  readonly mayConflict?: boolean
  readonly isPublic?: boolean
  /** Refusals of a public route, which has its own rules. */
  readonly refusals?: readonly number[]
  readonly handler: (context: ApiContext) => Promise<Response> | Response
}

/** Adds routes and their documentation in one step, so that neither exists without the other. */
export function addEndpoints(api: Api, endpoints: readonly Endpoint[]): void {
  for (const endpoint of endpoints) {
    const route = routeOf(endpoint)
    api.openAPIRegistry.registerPath(route)
    api.on(endpoint.method.toUpperCase(), route.getRoutingPath(), (context) => endpoint.handler(context as ApiContext))
  }
}

function routeOf(endpoint: Endpoint) {
  const { answer, otherAnswer } = endpoint
  const request: RouteConfig['request'] = {
    ...(endpoint.body && { body: { required: true, content: { 'application/json': { schema: endpoint.body } } } }),
    ...(endpoint.query && { query: endpoint.query }),
    ...(endpoint.headers && { headers: endpoint.headers }),
    ...(endpoint.parameters && { params: endpoint.parameters }),
  }
  return createRoute({
    method: endpoint.method,
    path: endpoint.path,
    summary: endpoint.summary,
    tags: [endpoint.tag],
    security: endpoint.isPublic ? [] : [{ apiKey: [] }],
    request,
    responses: {
      [answer.status]: responseOf(answer),
      ...(otherAnswer && { [otherAnswer.status]: responseOf(otherAnswer) }),
      ...Object.fromEntries(refusalsOf(endpoint).map((status) => [status, PROBLEM])),
      default: PROBLEM,
    },
  })
}

const PROBLEM = { $ref: '#/components/responses/Problem' } as never

function responseOf({ description, schema, mediaType, headers }: Answer) {
  const content = {
    ...(schema && { 'application/json': { schema } }),
    ...(mediaType !== undefined && { [mediaType]: { schema: { type: 'string' as const } } }),
  }
  return { description, ...(schema || mediaType ? { content } : {}), ...(headers && { headers }) }
}

/** The refusals a route can give, by what it takes: every one is a problem. */
function refusalsOf({
  method,
  path,
  body,
  query,
  headers,
  mayConflict,
  isPublic,
  refusals,
}: Endpoint): readonly number[] {
  if (isPublic) return refusals ?? []
  const readsBody = method === 'post'
  return [
    401,
    403,
    ...(path.includes('{') ? [404] : []),
    ...(mayConflict ? [409] : []),
    ...(readsBody ? [400, 413, 415, 422] : []),
    ...(query ? [400, 422] : []),
    ...(headers || body ? [422] : []),
    503,
  ]
}
