import { accepts } from 'hono/accepts'
import { GatewayError } from '../../domain/errors.ts'
import type { TaskEvent } from '../../domain/events.ts'
import type { TaskStore } from '../../domain/ports/store.ts'
import { pageQuerySchema } from '../../domain/schemas/queries.ts'
import { isFinal } from '../../domain/task.ts'
import { eventAnswer, pageOf, resumeHeaders, taskParameters } from '../components.ts'
import { allowed, taskOf, type ApiContext } from '../caller.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { Endpoint } from '../endpoint.ts'
import { parsedQuery } from '../json-body.ts'
import { InvalidRequest } from '../problem.ts'
import { eventViewOf } from '../task-view.ts'

/** Keeps proxies from closing a quiet stream. */
const HEARTBEAT_MS = 15_000
const PAGE = 200
const STREAM = 'text/event-stream'
const JSON_PAGE = 'application/json'
/** No task has a thousand million events, and PostgreSQL's integer holds them. */
const SEQUENCE = /^\d{1,9}$/

/** A task's events: as a stream that resumes, or page by page. */
export function eventRoutes({ store, closing }: ApiDependencies): readonly Endpoint[] {
  return [
    {
      ...{ method: 'get', path: '/v1/tasks/{id}/events', tag: 'Tasks', summary: 'Follow the events of a task' },
      ...{ parameters: taskParameters, query: pageQuerySchema, headers: resumeHeaders },
      answer: {
        status: 200,
        ...{ schema: pageOf(eventAnswer), mediaType: STREAM },
        description:
          'Server-sent events whose `id` is the sequence; resumes after `Last-Event-ID` and ends after `task-ended`. With `Accept: application/json` one page.',
      },
      async handler(context) {
        allowed(context, 'task:read')
        const task = await taskOf(context, store.tasks)
        const { limit, cursor } = parsedQuery(context, pageQuerySchema)
        const start = cursor === undefined ? 0 : cursorSequence(cursor)
        const after = lastSequence(context) ?? start
        if (wantsJson(context)) return page(context, store.tasks, { taskId: task.id, after: start, limit })
        return stream({ tasks: store.tasks, taskId: task.id, after, ends: [closing, context.req.raw.signal] })
      },
    },
  ]
}

const wantsJson = (context: ApiContext): boolean =>
  accepts(context, { header: 'Accept', supports: [STREAM, JSON_PAGE], default: STREAM }) === JSON_PAGE

async function page(
  context: ApiContext,
  tasks: TaskStore,
  { limit, ...from }: { readonly taskId: string; readonly after: number; readonly limit: number },
): Promise<Response> {
  const found = await tasks.events({ ...from, limit: limit + 1 })
  const items = found.slice(0, limit)
  const nextCursor = found.length > limit ? String(items.at(-1)?.sequence) : null
  return context.json({ items: items.map(eventViewOf), nextCursor })
}

function cursorSequence(cursor: string): number {
  if (SEQUENCE.test(cursor)) return Number(cursor)
  throw new GatewayError('invalid_cursor', 'The cursor is not one this list gave. Start again without it.')
}

function lastSequence(context: ApiContext): number | undefined {
  const text = context.req.header('last-event-id')
  if (text === undefined || text === '') return undefined
  if (SEQUENCE.test(text)) return Number(text)
  throw new InvalidRequest('invalid_request', [{ pointer: '/Last-Event-ID', detail: 'is not a sequence number' }])
}

/** Sends what is there, then waits for more; never polls, never skips, ends with the task. */
function stream(origin: {
  readonly tasks: TaskStore
  readonly taskId: string
  readonly after: number
  readonly ends: readonly AbortSignal[]
}): Response {
  const gone = new AbortController()
  const ended = AbortSignal.any([...origin.ends, gone.signal])
  const encoder = new TextEncoder()
  const frames = framesOf(origin, ended)
  const source = {
    async pull(controller: ReadableStreamDefaultController<Uint8Array>) {
      const { done, value } = await frames.next()
      if (done) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
    async cancel() {
      gone.abort()
      // Between two frames nothing else would run the generator to its end.
      await frames.return(undefined)
    },
  }
  // Nothing is read ahead: the answer to HEAD, which nobody reads, must not subscribe.
  const body = new ReadableStream<Uint8Array>(source, { highWaterMark: 0 })
  return new Response(body, {
    headers: { 'content-type': STREAM, 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
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
  const stop = () => wake()
  ended.addEventListener('abort', stop)
  try {
    // The first bytes tell the client that the stream stands.
    yield ': connected\n\n'
    let sequence = after
    let isOver = false
    while (!ended.aborted) {
      news = false
      const events = await tasks.events({ taskId, after: sequence, limit: PAGE })
      for (const event of events) yield frameOf(event)
      sequence = events.at(-1)?.sequence ?? sequence
      if (events.at(-1)?.type === 'task-ended') return
      // A client that resumes behind the last event of an ended task has nothing to wait for. The events are read once
      // more: the task may have ended in between.
      if (events.length === 0) {
        if (isOver) return
        isOver = isFinal((await tasks.find(taskId))?.state ?? 'failed')
        if (isOver) continue
      }
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
    ended.removeEventListener('abort', stop)
    unsubscribe()
  }
}

const frameOf = (event: TaskEvent): string =>
  `id: ${event.sequence}\nevent: ${event.type}\ndata: ${JSON.stringify(eventViewOf(event))}\n\n`
