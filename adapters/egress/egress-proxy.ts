import { createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect, isIPv6, type LookupFunction, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { readGreeting } from './client-hello.ts'
import { destinationOf, plainTarget, type Destination } from './destination.ts'
import type { Judge } from './judge.ts'

/** A registry answers within seconds; a tunnel nobody uses is not kept. */
const IDLE_MS = 2 * 60_000
/** As many as the busiest package manager opens. */
const MAX_CONNECTIONS = 128
/** A client's TLS greeting is 2 KiB, with large keys 4. */
const MAX_GREETING_BYTES = 32 * 1024
/** What means something between two neighbours only, and what would tell the far end of this proxy. */
const OF_THIS_HOP = new Set(['connection', 'host', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade'])

/** What the proxy decided about one connection. */
export interface EgressDecision {
  readonly host: string
  readonly port?: number
  readonly allowed: boolean
  /** Why not. */
  readonly why?: string
  /** The addresses it was pinned to. */
  readonly addresses?: readonly string[]
}

/**
 * An HTTP proxy that judges every connection: `CONNECT` for TLS to the very host that was named, and plain requests.
 * It follows no redirect and adds no credential; what comes back goes through unread.
 */
export function createEgressProxy(options: {
  readonly judge: Judge
  readonly decided: (decision: EgressDecision) => void
}): Server {
  const server = createServer((request, response) => void plain(options, request, response))
  server.on('connect', (request, client, head) => void tunnel(options, { request, client, head }))
  server.on('clientError', ({ code = '' }: NodeJS.ErrnoException, socket) => {
    if (!code.startsWith('HPE_')) return void socket.destroy()
    options.decided({ host: 'unknown', allowed: false, why: 'what was sent is not HTTP' })
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
  })
  server.maxConnections = MAX_CONNECTIONS
  return server
}

type Options = Parameters<typeof createEgressProxy>[0]

async function tunnel(
  options: Options,
  { request, client, head }: { readonly request: IncomingMessage; readonly client: Duplex; readonly head: Buffer },
): Promise<void> {
  client.on('error', () => client.destroy())
  const refuse = (status: string, why: string) => client.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n${why}\n`)
  const destination = destinationOf(request.url ?? '')
  const passed = await judged(options, { destination, named: request.url })
  if (typeof passed === 'string') return void refuse('403 Forbidden', passed)
  const far = connect({ host: passed.host, port: passed.port, lookup: passed.lookup, autoSelectFamily: true })
  const unreachable = () => refuse('502 Bad Gateway', `${passed.host} cannot be reached`)
  far.setTimeout(IDLE_MS, () => far.destroy())
  far.once('error', unreachable)
  client.once('close', () => far.destroy())
  far.once('connect', () => {
    far.off('error', unreachable).on('error', () => client.destroy())
    far.once('close', () => far.readableEnded || client.destroy())
    client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
    greeted({ client, head, far }, (name) => {
      if (name === passed.host) return true
      const why =
        name === undefined ? 'what was sent is no TLS that names its server' : `the TLS names ${printable(name)}`
      options.decided({ host: passed.host, port: passed.port, allowed: false, why })
      return false
    })
  })
}

/** Lets bytes through once the greeting names what it should. */
function greeted(
  { client, head, far }: { readonly client: Duplex; readonly head: Buffer; readonly far: Socket },
  isRight: (serverName: string | undefined) => boolean,
): void {
  let received = head
  const look = () => {
    const greeting = readGreeting(received)
    if (greeting.type === 'incomplete' && received.length < MAX_GREETING_BYTES) return
    client.off('data', add)
    client.pause()
    if (!isRight(greeting.type === 'tls' ? greeting.serverName : undefined)) {
      far.destroy()
      client.destroy()
      return
    }
    far.write(received)
    client.pipe(far).pipe(client)
  }
  const add = (bytes: Buffer) => {
    received = Buffer.concat([received, bytes])
    look()
  }
  client.on('data', add)
  look()
}

async function plain(options: Options, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const target = plainTarget(request.url ?? '')
  const passed = await judged(options, { destination: target, named: request.url })
  if (typeof passed === 'string') {
    response.writeHead(403, { 'content-type': 'text/plain', connection: 'close' }).end(`${passed}\n`)
    return
  }
  const { host, port, lookup } = passed
  const headers = { ...forwarded(request.headersDistinct), host: port === 80 ? host : `${host}:${port}` }
  const onward = httpRequest({ host, port, lookup, path: target?.path, method: request.method, headers, agent: false })
  onward.setTimeout(IDLE_MS, () => onward.destroy())
  onward.once('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, forwarded(answer.headersDistinct))
    answer.pipe(response)
  })
  onward.once('error', () => {
    if (response.headersSent) response.destroy()
    else response.writeHead(502, { 'content-type': 'text/plain' }).end(`${host} cannot be reached\n`)
  })
  response.once('close', () => onward.destroy())
  request.pipe(onward)
}

/** Where a connection may go, with a look-up that knows only what was judged; or why it may not. */
async function judged(
  { judge, decided }: Options,
  { destination, named }: { readonly destination: Destination | undefined; readonly named: string | undefined },
): Promise<string | (Destination & { readonly lookup: LookupFunction })> {
  if (!destination) {
    const why = 'not of the form host:port, or for plain http not http://host/path'
    decided({ host: printable(authorityOf(named ?? '')), allowed: false, why })
    return `refused: ${why}`
  }
  const { host, port } = destination
  const { why, addresses } = await judge(destination)
  decided({ host, port, allowed: why === undefined, ...(why === undefined ? { addresses } : { why }) })
  if (why !== undefined) return `${host}:${port} refused: ${why}`
  const pinned = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }))
  const lookup: LookupFunction = (_, { all }, answer) =>
    all === true ? answer(null, pinned) : answer(null, pinned[0]?.address ?? '', pinned[0]?.family)
  return { host, port, lookup }
}

const forwarded = (headers: NodeJS.Dict<string[]>): Record<string, string[]> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, values]) =>
      values === undefined || OF_THIS_HOP.has(name) || name.startsWith('proxy-') ? [] : [[name, values]],
    ),
  )

/** Of a target that cannot be read, what names the host: never a path, a query or a credential. */
const authorityOf = (target: string): string =>
  target
    .replace(/^[a-z]+:\/\//i, '')
    .replace(/[/?#\\].*$/s, '')
    .replace(/^.*@/s, '')

const printable = (text: string): string => text.slice(0, 100).replace(/[^\x21-\x7e]/g, '?')
