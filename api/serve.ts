import type { AddressInfo } from 'node:net'
import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { holderOf } from '../adapters/processes/ports.ts'
import { GatewayError } from '../domain/errors.ts'
import type { Api } from './endpoint.ts'
import { answerMalformedRequests, malformedRequest } from './malformed-request.ts'
import { problemOf } from './problem.ts'

/** A client that takes longer for its headers or body is not a client. */
const HEADERS_TIMEOUT_MS = 20_000
const REQUEST_TIMEOUT_MS = 60_000
const MAX_HEADER_BYTES = 16 * 1024
/** Event streams end at once; whoever still sends a body then has had its time. */
const CLOSE_LIMIT_MS = 2_000
const SWEEP_MS = 20

export interface ServedApi {
  readonly url: string
  close(): Promise<void>
}

/** Listens. Throws `port_in_use`, naming the holder, when the port is taken. */
export async function serveApp(
  app: Api,
  options: { readonly host: string; readonly port: number; readonly closing: AbortController },
): Promise<ServedApi> {
  const { host, port, closing } = options
  // What never became a request, such as one with a broken Host, does not reach the app.
  const errorHandler = (error: unknown) =>
    problemOf(error instanceof Error && error.name === 'RequestError' ? malformedRequest(error) : error)
  const answer = getRequestListener(app.fetch, { hostname: host, errorHandler })
  const server = createServer(
    { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS, maxHeaderSize: MAX_HEADER_BYTES },
    (request, response) => void answer(request, response),
  )
  answerMalformedRequests(server)
  server.listen(port, host)
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve)
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? portInUse(port) : error),
    )
  })
  const { port: listening } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${listening}`,
    async close() {
      closing.abort()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      // A connection is idle only once its last answer has been sent; nothing else would end it then.
      const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS)
      const late = setTimeout(() => server.closeAllConnections(), CLOSE_LIMIT_MS)
      await closed
      clearInterval(sweep)
      clearTimeout(late)
    },
  }
}

function portInUse(port: number): GatewayError {
  const holder = holderOf(port)
  return new GatewayError(
    'port_in_use',
    `The port ${port} is in use${holder === undefined ? '' : ` by ${holder}`}. Stop that, or set PORT to another one.`,
  )
}
