import { readFile } from 'node:fs/promises'
import { paths } from '../adapters/paths.ts'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import type { Config } from '../adapters/config.ts'
import { ownerOf } from '../adapters/processes/data-directory.ts'
import { GatewayError, type ErrorCode } from '../domain/errors.ts'
import type { TaskView } from '../domain/schemas/task.ts'

/** One event as the API sends it: the fields of its type stand beside the four common ones. */
export interface EventView {
  readonly sequence: number
  readonly type: string
  readonly at: string
  readonly taskId: string
  readonly [field: string]: unknown
}

type Method = 'GET' | 'POST' | 'DELETE'
interface Content {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** How often a broken stream is taken up again without any news before the client gives up. */
const RECONNECTS = 20
const RECONNECT_MS = 500

/** A client of the HTTP API; every refusal becomes a `GatewayError` with the API's own code and words. */
export class GatewayClient {
  constructor(
    readonly url: string,
    private readonly key: string,
  ) {}

  async json<T>(method: Method, path: string, content: Content = {}): Promise<T> {
    const response = await this.send(method, path, content)
    return (response.status === 204 ? undefined : await response.json()) as T
  }

  async text(path: string): Promise<string> {
    return (await this.send('GET', path)).text()
  }

  /** For what need not be UTF-8. */
  async bytes(path: string): Promise<Uint8Array> {
    return new Uint8Array(await (await this.send('GET', path)).arrayBuffer())
  }

  /** Events of a task until it has ended; a connection that breaks is taken up where it stopped. */
  async *events(taskId: string): AsyncGenerator<EventView> {
    let last = 0
    for (let quiet = 0; quiet < RECONNECTS; quiet++) {
      try {
        for await (const event of this.stream(taskId, last)) {
          yield event
          last = event.sequence
          quiet = 0
          if (event.type === 'task-ended') return
        }
      } catch (error) {
        if (error instanceof GatewayError && !error.retryable) throw error
      }
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS))
    }
    throw unreachable(this.url, 'the event stream breaks again and again')
  }

  private async *stream(taskId: string, after: number): AsyncGenerator<EventView> {
    const headers = { accept: 'text/event-stream', 'last-event-id': String(after) }
    const { body } = await this.send('GET', `/v1/tasks/${taskId}/events`, { headers })
    if (!body) return
    const messages = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
    for await (const { data } of messages as unknown as AsyncIterable<{ readonly data: string }>)
      yield JSON.parse(data) as EventView
  }

  private async send(method: Method, path: string, { body, headers }: Content = {}): Promise<Response> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }).catch((error: unknown) => {
      const { cause } = error as { cause?: { code?: string } }
      throw unreachable(this.url, cause?.code ?? String(error))
    })
    if (response.ok) return response
    throw await refusalOf(response)
  }
}

async function refusalOf(response: Response): Promise<GatewayError> {
  const problem = (await response.json().catch(() => ({}))) as { code?: ErrorCode; detail?: string }
  const detail = problem.detail ?? `The gateway answered ${response.status}.`
  return new GatewayError(problem.code ?? 'internal', detail, { retryable: response.status >= 500 })
}

const unreachable = (url: string, why: string): GatewayError =>
  new GatewayError(
    'gateway_unreachable',
    `No gateway answers at ${url} (${why}). Start one with npm start, or set OCG_URL.`,
    {
      retryable: true,
    },
  )

/** The gateway of `OCG_URL` and `OCG_API_KEY`, else the one that runs on `DATA_DIR`. */
export async function connect(config: Config): Promise<GatewayClient> {
  const url = config.OCG_URL ?? (await ownerOf(config.DATA_DIR))?.url ?? `http://${config.HOST}:${config.PORT}`
  return new GatewayClient(url.replace(/\/$/, ''), await keyOf(config))
}

async function keyOf(config: Config): Promise<string> {
  const configured = config.OCG_API_KEY ?? config.ADMIN_API_KEY
  if (configured !== undefined) return configured
  const file = paths(config).adminKey
  const key = await readFile(file, 'utf8').catch(() => '')
  if (key !== '') return key.trim()
  throw new GatewayError(
    'unauthenticated',
    `There is no API key: set OCG_API_KEY, or start a gateway, which writes ${file}.`,
  )
}

/** A task by its id. */
export const readTask = (client: GatewayClient, id: string): Promise<TaskView> =>
  client.json('GET', `/v1/tasks/${encodeURIComponent(id)}`)
