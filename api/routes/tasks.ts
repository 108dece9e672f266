import { createHash } from 'node:crypto'
import { ulid } from 'ulidx'
import { InvalidRequest } from '../problem.ts'
import { GatewayError } from '../../domain/errors.ts'
import { taskQuerySchema } from '../../domain/schemas/queries.ts'
import { isFinal, type Task, type TaskRequest } from '../../domain/task.ts'
import { checkCallback } from '../callback-url.ts'
import { idempotencyHeaders, locationHeaders, pageOf, taskAnswer, taskBody, taskParameters } from '../components.ts'
import { allowed, ownTaskOf, taskOf, type ApiContext } from '../caller.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { Endpoint } from '../endpoint.ts'
import { emptyBody, parsed, parsedQuery, readJson } from '../json-body.ts'
import { viewOf } from '../task-view.ts'

const TAG = 'Tasks'
const created = { status: 202, schema: taskAnswer, headers: locationHeaders } as const

/** Create, list and read tasks. */
export function taskRoutes(dependencies: ApiDependencies): readonly Endpoint[] {
  const { store, clock } = dependencies
  const requestSchema = taskBody(clock)
  return [
    {
      ...{ method: 'post', path: '/v1/tasks', tag: TAG, summary: 'Accept a task' },
      ...{ body: requestSchema, headers: idempotencyHeaders },
      answer: { ...created, description: 'The task, durable; its workflow starts at once.' },
      async handler(context) {
        allowed(context, 'task:submit')
        const key = idempotencyKey(context)
        const body = await readJson(context.req.raw)
        const request = () => parsed(requestSchema, body)
        return accepted(context, await accept(dependencies, { context, key, body, request }), dependencies)
      },
    },
    {
      ...{ method: 'get', path: '/v1/tasks', tag: TAG, summary: 'List tasks, newest first' },
      query: taskQuerySchema,
      answer: {
        status: 200,
        schema: pageOf(taskAnswer),
        description: 'One page.',
      },
      async handler(context) {
        const { tenant } = allowed(context, 'task:read')
        const query = parsedQuery(context, taskQuerySchema)
        const { items, nextCursor } = await store.tasks.list({ tenant, ...defined(query) })
        return context.json({ items: items.map((task) => viewOf(task, dependencies)), nextCursor })
      },
    },
    {
      ...{ method: 'get', path: '/v1/tasks/{id}', tag: TAG, summary: 'Read a task' },
      parameters: taskParameters,
      answer: { status: 200, schema: taskAnswer, description: 'The task as last committed.' },
      async handler(context) {
        allowed(context, 'task:read')
        return context.json(viewOf(await taskOf(context, store.tasks), dependencies))
      },
    },
    {
      ...{ method: 'post', path: '/v1/tasks/{id}/retry', tag: TAG, summary: 'Run an ended task again as a new one' },
      ...{ parameters: taskParameters, headers: idempotencyHeaders },
      answer: { ...created, description: 'The new task, with `retryOf` and fresh limits.' },
      mayConflict: true,
      async handler(context) {
        const task = await ownTaskOf(context, store.tasks, 'task:submit')
        const key = idempotencyKey(context)
        await emptyBody(context)
        if (!isFinal(task.state))
          throw new GatewayError('conflict', `${task.id} has not ended (${task.state}). Cancel it first.`)
        const { request } = await store.tasks.work(task.id)
        const fresh = () => withoutPastDeadline(request, clock())
        const accepting = { context, key, body: { retryOf: task.id }, request: fresh, retryOf: task.id }
        return accepted(context, await accept(dependencies, accepting), dependencies)
      },
    },
  ]
}

interface Accepting {
  readonly context: ApiContext
  readonly key: string
  /** What the idempotency key stands for. */
  readonly body: unknown
  /** Checks and gives the request; not asked when the key stands for a task already, whatever has passed since then. */
  readonly request: () => TaskRequest
  readonly retryOf?: string
}

/** Makes the task durable, then starts its workflow; a start that fails is repeated by the sweeper. */
async function accept(dependencies: ApiDependencies, accepting: Accepting): Promise<Task> {
  const { store, tasks, log } = dependencies
  const { tenant, subject } = accepting.context.get('caller')
  const digest = createHash('sha256').update(canonical(accepting.body)).digest('hex')
  const identity = { channel: 'api', tenant, key: accepting.key, digest }
  const task = (await store.tasks.accepted(identity)) ?? (await createTask())
  await tasks.start(task.id).catch((error: unknown) => {
    log.error({ taskId: task.id, reason: String(error) }, 'the workflow could not be started; the sweeper repeats it')
  })
  return (await store.tasks.find(task.id)) ?? task

  async function createTask(): Promise<Task> {
    const request = authorised(dependencies, { tenant, request: accepting.request() })
    const retry = accepting.retryOf === undefined ? {} : { retryOf: accepting.retryOf }
    const created = await store.tasks.accept({
      id: `task-${ulid()}`,
      requester: subject,
      request,
      ...identity,
      ...retry,
    })
    return created.task
  }
}

/** Checks what the request names outside the gateway and fills in what the operator set for a known repository. */
function authorised(
  { checkRepository, outboundAllowlist }: ApiDependencies,
  { tenant, request }: { readonly tenant: string; readonly request: TaskRequest },
): TaskRequest {
  if (request.callbackUrl !== undefined) checkCallback(request.callbackUrl, outboundAllowlist)
  if (!request.repository) return request
  const known = checkRepository({ ...request.repository, tenant })
  const acceptance = request.acceptance ?? known.acceptance
  if (!acceptance) return request
  const protectedPaths = acceptance.protectedPaths ?? known.protectedPaths
  return { ...request, acceptance: { ...acceptance, ...(protectedPaths && { protectedPaths }) } }
}

function accepted(context: ApiContext, task: Task, dependencies: ApiDependencies): Response {
  const view = viewOf(task, dependencies)
  return context.json(view, 202, { location: `/v1/tasks/${task.id}` })
}

/** Without a key of the client every request is its own. */
function idempotencyKey(context: ApiContext): string {
  const key = context.req.header('idempotency-key')
  if (key === undefined) return `once:${ulid()}`
  if (/^[\x20-\x7e]{1,255}$/.test(key)) return `key:${key}`
  throw new InvalidRequest('invalid_request', [
    { pointer: '/Idempotency-Key', detail: 'must be 1 to 255 printable ASCII characters' },
  ])
}

/** The same text for the same JSON value, whatever the order of its fields. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, child: unknown) =>
    typeof child === 'object' && child !== null && !Array.isArray(child)
      ? Object.fromEntries(Object.entries(child).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : child,
  )
}

function withoutPastDeadline(request: TaskRequest, now: Date): TaskRequest {
  const { deadline, ...constraints } = request.constraints ?? {}
  if (deadline === undefined || Date.parse(deadline) > now.getTime()) return request
  return { ...request, constraints }
}

const defined = <T extends object>(value: T) =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
