import { once } from 'node:events'
import { createServer as createPlainServer, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { onTestFinished } from 'vitest'
import type { EgressDecision } from '../../adapters/egress/egress-proxy.ts'
import { createJudge, type Judge } from '../../adapters/egress/judge.ts'
import { createEgress } from '../../adapters/egress/open-door.ts'
import type { EgressDoor } from '../../domain/ports/egress.ts'
import { temporaryFolder } from './sandboxed.ts'

/** Both ends know it: a TLS that needs no certificate. */
export const SHARED_KEY = Buffer.from('00112233445566778899aabbccddeeff', 'hex')

/** A server of the host's loopback and what reached it. */
export interface Upstream {
  readonly port: number
  readonly received: string[]
}

/** Answers every plain request with its path. */
export function plainUpstream(seen: (request: IncomingMessage) => void = () => undefined): Promise<Upstream> {
  const received: string[] = []
  const server = createPlainServer((request, response) => {
    received.push(`${request.method} ${request.url} of ${request.headers.host}`)
    seen(request)
    if (request.url === '/moved') response.writeHead(302, { location: 'http://elsewhere.test/' })
    request.on('data', (bytes: Buffer) => received.push(bytes.toString()))
    request.on('end', () => response.end(`path ${request.url}`))
  })
  return listening(server, received)
}

/** Greets whoever completes a TLS handshake. */
export function tlsUpstream(): Promise<Upstream> {
  const received: string[] = []
  const server = createTlsServer({ pskCallback: () => SHARED_KEY, ciphers: 'PSK', maxVersion: 'TLSv1.2' }, (socket) => {
    received.push('a handshake')
    socket.on('error', () => undefined)
    socket.end('greetings')
  })
  server.on('tlsClientError', () => received.push('a failed handshake'))
  return listening(server, received)
}

async function listening(server: Server, received: string[]): Promise<Upstream> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { port: (server.address() as AddressInfo).port, received }
}

/** A door of the product's own, and every decision behind it. */
export async function openDoor(judge: Judge): Promise<EgressDoor & { readonly decisions: EgressDecision[] }> {
  const decisions: EgressDecision[] = []
  const egress = createEgress({ judge, decided: ({ taskId, ...decision }) => decisions.push(decision) })
  const door = await egress.open({ taskId: 'task-1', directory: join(temporaryFolder(), 'egress') })
  onTestFinished(() => door.close())
  return { ...door, decisions }
}

/** Names of the test, all of which lead to the loopback, which the operator of the test vouches for. */
export function judgeOf(allowed: readonly string[], addresses: readonly string[] = ['127.0.0.1']): Judge {
  return createJudge({ allowed, inner: allowed, resolve: () => Promise.resolve(addresses) })
}

/** Says something to the proxy as it stands, and gives all it answers until it closes or falls silent. */
export async function said(door: EgressDoor, ...words: readonly (string | Buffer)[]): Promise<string> {
  const socket = connect(door.socket)
  socket.setTimeout(1_500, () => socket.destroy())
  let answer = ''
  socket.on('data', (bytes: Buffer) => (answer += bytes.toString('latin1')))
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  for (const word of words) {
    socket.write(typeof word === 'string' ? Buffer.from(word, 'latin1') : word)
    if (word !== words.at(-1)) await once(socket, 'data')
  }
  await once(socket, 'close')
  return answer
}
