import type { AddressInfo } from 'node:net'
import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import { holderOf } from '../adapters/processes/ports.ts'
import { GatewayError } from '../domain/errors.ts'
import type { Api } from './endpoint.ts'

/** A client that takes longer for its headers or body is not a client. */
const HEADERS_TIMEOUT_MS = 20_000
const REQUEST_TIMEOUT_MS = 60_000
const MAX_HEADER_BYTES = 16 * 1024

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
  const server = serve({
    fetch: app.fetch,
    hostname: host,
    port,
    serverOptions: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
  }) as Server
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
      server.closeIdleConnections()
      const late = setTimeout(() => server.closeAllConnections(), 2_000)
      await closed
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
