import { createRoute, type OpenAPIHono, type RouteConfig } from '@hono/zod-openapi'
import type { z } from 'zod'
import type { ApiContext, ApiEnvironment } from './caller.ts'

export type Api = OpenAPIHono<ApiEnvironment>

/** One route: what the OpenAPI document says of it, and what it does. */
export interface Endpoint {
  readonly method: 'get' | 'post' | 'delete'
  /** OpenAPI form: `/v1/tasks/{id}`. */
  readonly path: string
  readonly summary: string
  readonly tag: string
  readonly body?: z.ZodType
  readonly query?: z.ZodObject
  readonly parameters?: z.ZodObject
  /** Schema of the JSON answer, or the media type of another one. */
  readonly answer: {
    readonly status: number
    readonly schema?: z.ZodType
    readonly mediaType?: string
    readonly description: string
  }
  readonly isPublic?: boolean
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
  const { answer } = endpoint
  const content = answer.mediaType
    ? { [answer.mediaType]: { schema: { type: 'string' as const } } }
    : answer.schema && { 'application/json': { schema: answer.schema } }
  const request: RouteConfig['request'] = {
    ...(endpoint.body && { body: { required: true, content: { 'application/json': { schema: endpoint.body } } } }),
    ...(endpoint.query && { query: endpoint.query }),
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
      [answer.status]: { description: answer.description, ...(content && { content }) },
      default: { $ref: '#/components/responses/Problem' } as never,
    },
  })
}
