import { InvalidRequest } from '../problem.ts'
import { GatewayError } from '../../domain/errors.ts'
import { taskQuerySchema } from '../../domain/schemas/queries.ts'
import { isFinal, withoutPastDeadline, type Task } from '../../domain/task.ts'
import { idempotencyHeaders, locationHeaders, pageOf, taskAnswer, taskBody, taskParameters } from '../components.ts'
import { allowed, ownTaskOf, taskOf, type ApiContext } from '../caller.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { Endpoint } from '../endpoint.ts'
import { emptyBody, parsed, parsedQuery, readJson } from '../json-body.ts'
import { notificationsOf, viewOf } from '../task-view.ts'

const TAG = 'Tasks'
const created = { status: 202, schema: taskAnswer, headers: locationHeaders } as const

/** Create, list and read tasks. */
export function taskRoutes(dependencies: ApiDependencies): readonly Endpoint[] {
  const { store, clock, intake } = dependencies
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
        const task = await intake.accept({ ...requesterOf(context), key, body, request })
        return accepted(context, task, dependencies)
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
        const task = await taskOf(context, store.tasks)
        return context.json({
          ...viewOf(task, dependencies),
          ...notificationsOf(await store.outbox.counts({ taskId: task.id })),
        })
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
        if (task.parentId !== undefined)
          throw new GatewayError('conflict', `${task.id} is a sub-task of ${task.parentId}. Retry ${task.parentId}.`)
        const { request } = await store.tasks.work(task.id)
        const fresh = () => withoutPastDeadline(request, clock())
        const retry = { key, body: { retryOf: task.id }, request: fresh, retryOf: task.id }
        return accepted(context, await intake.accept({ ...requesterOf(context), ...retry }), dependencies)
      },
    },
  ]
}

function requesterOf(context: ApiContext) {
  const { tenant, subject } = context.get('caller')
  return { channel: 'api', tenant, requester: subject }
}

function accepted(context: ApiContext, task: Task, dependencies: ApiDependencies): Response {
  const view = viewOf(task, dependencies)
  return context.json(view, 202, { location: `/v1/tasks/${task.id}` })
}

/** Without a key of the client every request is its own. */
function idempotencyKey(context: ApiContext): string | undefined {
  const key = context.req.header('idempotency-key')
  if (key === undefined) return undefined
  if (/^[\x20-\x7e]{1,255}$/.test(key)) return `key:${key}`
  throw new InvalidRequest('invalid_request', [
    { pointer: '/Idempotency-Key', detail: 'must be 1 to 255 printable ASCII characters' },
  ])
}

const defined = <T extends object>(value: T) =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
