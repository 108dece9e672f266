import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Longer than clients keep idle connections, so that none is closed under a request that just left. */
const KEEP_ALIVE_MS = 65_000

/** What a simulator answers a request with, or how it breaks the connection. */
export type Answer =
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body: object | string | Buffer
    }
  | { readonly kind: 'reset' }
  | { readonly kind: 'hang' }

/** A request with its whole body. */
export interface WholeRequest {
  readonly method: string
  readonly url: URL
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
  /** Fires when the client leaves before its answer. */
  readonly left: AbortSignal
}

export interface LocalServer {
  readonly url: string
  readonly port: number
  /** Ends all connections, also those that hang. */
  close(): Promise<void>
}

/** Answers requests on 127.0.0.1; a `port` of 0 takes a free one. */
export async function startLocalServer(
  port: number,
  answerTo: (request: WholeRequest) => Promise<Answer> | Answer,
): Promise<LocalServer> {
  const server = createServer((request, response) => void serve({ request, response, answerTo }))
  server.keepAliveTimeout = KEEP_ALIVE_MS
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
  const taken = (server.address() as AddressInfo).port
  return {
    url: `http://127.0.0.1:${taken}`,
    port: taken,
    async close() {
      const closed = new Promise<unknown>((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

async function serve(visit: {
  request: IncomingMessage
  response: ServerResponse
  answerTo: (request: WholeRequest) => Promise<Answer> | Answer
}): Promise<void> {
  const { request, response, answerTo } = visit
  const left = new AbortController()
  response.on('close', () => left.abort())
  response.on('error', () => response.destroy())
  const pieces: Buffer[] = []
  try {
    for await (const piece of request) pieces.push(piece as Buffer)
    const url = new URL(request.url ?? '/', 'http://127.0.0.1')
    const { method = '', headers } = request
    send(response, await answerTo({ method, url, headers, body: Buffer.concat(pieces), left: left.signal }))
  } catch (error) {
    // The client left, or the simulator itself is wrong: either way there is no answer that would be true.
    response.destroy(error instanceof Error ? error : undefined)
  }
}

function send(response: ServerResponse, answer: Answer): void {
  if (response.destroyed || answer.kind === 'hang') return
  if (answer.kind === 'reset') return void response.socket?.resetAndDestroy()
  const isRaw = typeof answer.body === 'string' || Buffer.isBuffer(answer.body)
  const bytes = Buffer.from(isRaw ? (answer.body as string) : JSON.stringify(answer.body))
  response.writeHead(answer.status, {
    'content-type': isRaw ? 'application/octet-stream' : 'application/json',
    'content-length': bytes.length,
    ...answer.headers,
  })
  response.end(bytes)
}
