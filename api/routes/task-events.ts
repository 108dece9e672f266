import { z } from 'zod'
import { GatewayError } from '../../domain/errors.ts'
import type { TaskEvent } from '../../domain/events.ts'
import type { TaskStore } from '../../domain/ports/store.ts'
import { pageQuerySchema } from '../../domain/schemas/queries.ts'
import { taskEventSchema } from '../../domain/schemas/task.ts'
import { allowed, taskOf, type ApiContext } from '../caller.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { Endpoint } from '../endpoint.ts'
import { parsed } from '../json-body.ts'
import { InvalidRequest } from '../problem.ts'
import { eventViewOf } from '../task-view.ts'

/** Keeps proxies from closing a quiet stream. */
const HEARTBEAT_MS = 15_000
const PAGE = 200

/** A task's events: as a stream that resumes, or page by page. */
export function eventRoutes({ store, closing }: ApiDependencies): readonly Endpoint[] {
  return [
    {
      ...{ method: 'get', path: '/v1/tasks/{id}/events', tag: 'Tasks', summary: 'Follow the events of a task' },
      parameters: z.object({ id: z.string() }),
      query: pageQuerySchema,
      answer: {
        status: 200,
        schema: z.object({ items: z.array(taskEventSchema), nextCursor: z.string().nullable() }),
        description:
          'Server-sent events whose `id` is the sequence; resumes after `Last-Event-ID` and ends after `task-ended`. With `Accept: application/json` one page.',
      },
      async handler(context) {
        allowed(context, 'task:read')
        const task = await taskOf(context, store.tasks)
        if (wantsJson(context)) return page(context, store.tasks, task.id)
        const after = sequenceOf(context.req.header('last-event-id'), 'Last-Event-ID')
        return stream({ tasks: store.tasks, taskId: task.id, after, ends: [closing, context.req.raw.signal] })
      },
    },
  ]
}

function wantsJson(context: ApiContext): boolean {
  const accept = context.req.header('accept') ?? ''
  return accept.includes('application/json') && !accept.includes('text/event-stream')
}

async function page(context: ApiContext, tasks: TaskStore, taskId: string): Promise<Response> {
  const { limit, cursor } = parsed(pageQuerySchema, context.req.query())
  const after = cursor === undefined ? 0 : cursorSequence(cursor)
  const found = await tasks.events({ taskId, after, limit: limit + 1 })
  const items = found.slice(0, limit)
  const nextCursor = found.length > limit ? String(items.at(-1)?.sequence) : null
  return context.json({ items: items.map(eventViewOf), nextCursor })
}

function cursorSequence(cursor: string): number {
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor)
  throw new GatewayError('invalid_cursor', 'The cursor is not one this list gave. Start again without it.')
}

function sequenceOf(text: string | undefined, name: string): number {
  if (text === undefined || text === '') return 0
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new InvalidRequest('invalid_request', [{ pointer: name, detail: 'is not a sequence number' }])
}

/** Sends what is there, then waits for more; never polls, never skips, ends with the task. */
function stream(source: {
  readonly tasks: TaskStore
  readonly taskId: string
  readonly after: number
  readonly ends: readonly AbortSignal[]
}): Response {
  const gone = new AbortController()
  const ended = AbortSignal.any([...source.ends, gone.signal])
  const encoder = new TextEncoder()
  const frames = framesOf(source, ended)
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await frames.next()
      if (done) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
    cancel: () => gone.abort(),
  })
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
  })
}

async function* framesOf(
  { tasks, taskId, after }: { readonly tasks: TaskStore; readonly taskId: string; readonly after: number },
  ended: AbortSignal,
): AsyncGenerator<string> {
  let wake: () => void = () => undefined
  let news = false
  const unsubscribe = await tasks.subscribe(taskId, () => {
    news = true
    wake()
  })
  ended.addEventListener('abort', () => wake())
  try {
    // The first bytes tell the client that the stream stands.
    yield ': connected\n\n'
    for (let sequence = after; !ended.aborted;) {
      news = false
      const events = await tasks.events({ taskId, after: sequence, limit: PAGE })
      for (const event of events) yield frameOf(event)
      sequence = events.at(-1)?.sequence ?? sequence
      if (events.at(-1)?.type === 'task-ended') return
      if (events.length === 0 && (await isOver(tasks, { taskId, sequence }))) return
      if (news || events.length === PAGE || ended.aborted) continue
      const quiet = await new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => resolve(true), HEARTBEAT_MS)
        wake = () => {
          clearTimeout(timer)
          resolve(false)
        }
        if (news || ended.aborted) wake()
      })
      if (quiet) yield ': still here\n\n'
    }
  } finally {
    unsubscribe()
  }
}

/** A client that resumes after the last event of an ended task has nothing to wait for. */
async function isOver(tasks: TaskStore, at: { readonly taskId: string; readonly sequence: number }): Promise<boolean> {
  const [last] = await tasks.events({ taskId: at.taskId, after: Math.max(0, at.sequence - 1), limit: 1 })
  return last?.type === 'task-ended'
}

const frameOf = (event: TaskEvent): string =>
  `id: ${event.sequence}\nevent: ${event.type}\ndata: ${JSON.stringify(eventViewOf(event))}\n\n`
