import { OpenAPIHono } from '@hono/zod-openapi'
import { GatewayError } from '../domain/errors.ts'
import { authenticate, type ApiEnvironment } from './caller.ts'
import type { ApiDependencies } from './dependencies.ts'
import { addDocumentation } from './documentation.ts'
import { addEndpoints, type Api } from './endpoint.ts'
import { problemOf } from './problem.ts'
import { addSignIn } from './sign-in.ts'
import { controlRoutes } from './routes/task-controls.ts'
import { eventRoutes } from './routes/task-events.ts'
import { keyRoutes } from './routes/keys.ts'
import { linkRoutes } from './routes/links.ts'
import { resultRoutes } from './routes/task-results.ts'
import { systemRoutes } from './routes/system.ts'
import { temporalPageOf } from './task-view.ts'
import { taskRoutes } from './routes/tasks.ts'
import { webhookRoutes } from './routes/webhooks.ts'

/** Below these everything needs a credential, unknown paths too. */
const GUARDED = ['/v1/*', '/v1', '/mcp/*', '/mcp', '/codec/*', '/codec']

/**
 * The HTTP API: parses, authorises, starts or signals a workflow, answers from the store.
 *
 * @example
 * const app = createApp(dependencies)
 * const response = await app.request('/v1/tasks', { headers: { authorization: `Bearer ${key}` } })
 */
export function createApp(dependencies: ApiDependencies): Api {
  const api: Api = new OpenAPIHono<ApiEnvironment>()
  api.onError((error) => {
    if (!(error instanceof GatewayError))
      dependencies.log.error({ reason: error.stack ?? error.message }, 'a request failed')
    return problemOf(error)
  })
  api.use(async (context, next) => {
    await next()
    context.header('x-content-type-options', 'nosniff')
    context.header('referrer-policy', 'no-referrer')
    if (context.req.path.startsWith('/v1')) context.header('cache-control', 'no-store')
  })
  for (const path of GUARDED)
    api.use(path, async (context, next) => {
      context.set(
        'caller',
        dependencies.signIn.callerOf(context) ??
          (await authenticate(context.req.header('authorization'), dependencies.store.keys)),
      )
      await next()
    })
  addEndpoints(api, [
    ...taskRoutes(dependencies),
    ...controlRoutes(dependencies),
    ...eventRoutes(dependencies),
    ...resultRoutes(dependencies),
    ...keyRoutes(dependencies),
    ...linkRoutes(dependencies),
    ...webhookRoutes(dependencies),
    ...systemRoutes(dependencies),
  ])
  addDocumentation(api)
  addSignIn(api, dependencies.signIn)
  api.get('/', (context) => context.redirect('/docs'))
  // Where the Temporal Web UI shows a task, until it has a page of its own.
  api.get('/tasks/:id', (context) => context.redirect(temporalPageOf(context.req.param('id'), dependencies) ?? '/docs'))
  const pages = pathsOf(api)
  api.notFound((context) => unknownPath({ pages, path: context.req.path, method: context.req.method }))
  return api
}

interface Page {
  readonly pattern: RegExp
  readonly methods: readonly string[]
}

/** Which methods each path knows, for the answer 405. */
function pathsOf(api: Api): readonly Page[] {
  const methods = new Map<string, Set<string>>()
  for (const { path, method } of api.routes) {
    if (method === 'ALL' || path.includes('*')) continue
    methods.set(path, (methods.get(path) ?? new Set<string>()).add(method))
  }
  return [...methods].map(([path, known]) => ({
    pattern: new RegExp(`^${path.replace(/[.+?^$()|[\]\\]/g, '\\$&').replace(/:[^/]+/g, '[^/]+')}$`),
    methods: known.has('GET') ? [...known, 'HEAD'] : [...known],
  }))
}

function unknownPath({ pages, path, method }: { pages: readonly Page[]; path: string; method: string }): Response {
  const methods = pages.filter(({ pattern }) => pattern.test(path)).flatMap((page) => page.methods)
  if (methods.length === 0)
    return problemOf(new GatewayError('not_found', `There is nothing at ${path.slice(0, 200)}. See /docs.`))
  const allow = methods.toSorted().join(', ')
  const response = problemOf(new GatewayError('method_not_allowed', `${method} is not possible here; use ${allow}.`))
  response.headers.set('allow', allow)
  return response
}
