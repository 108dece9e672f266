import { createHmac, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

/** What callbacks are signed with in tests. */
export const CALLBACK_SECRET = `whsec_${Buffer.from('a key of at least 24 bytes').toString('base64')}`
/** Of `localhost`, for a hundred years; nobody trusts it but tests. */
export const CERTIFICATE_FILE = fileURLToPath(new URL('certificate/localhost.pem', import.meta.url))
const KEY_FILE = fileURLToPath(new URL('certificate/localhost.key.pem', import.meta.url))

/** A callback as it arrived. */
export interface ReceivedCall {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

interface Answered {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
}

export interface CallbackReceiver {
  readonly url: string
  readonly port: number
  /** Oldest first. */
  readonly calls: readonly ReceivedCall[]
  close(): Promise<void>
}

/** A requester's server at `https://localhost`. It has taken a call before `answer` decides what to say to it. */
export async function startCallbackReceiver(
  answer: () => Answered | Promise<Answered> = () => ({ status: 204 }),
  listening: { readonly port: number } = { port: 0 },
): Promise<CallbackReceiver> {
  const calls: ReceivedCall[] = []
  const certificate = { key: readFileSync(KEY_FILE), cert: readFileSync(CERTIFICATE_FILE) }
  const server = createServer(certificate, (request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      calls.push({ headers: request.headers, body: Buffer.concat(pieces).toString('utf8') })
      void Promise.resolve(answer()).then(({ status, headers }) => response.writeHead(status, headers).end())
    })
  })
  await new Promise<void>((resolve) => server.listen(listening.port, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    ...{ port, calls, url: `https://localhost:${port}/hook?a=1` },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

/** Whether a call carries the signature that Standard Webhooks asks for. */
export function isSigned({ headers, body }: ReceivedCall): boolean {
  const content = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`
  const key = Buffer.from(CALLBACK_SECRET.slice('whsec_'.length), 'base64')
  const expected = Buffer.from(createHmac('sha256', key).update(content).digest('base64'))
  const given = Buffer.from(String(headers['webhook-signature']).replace(/^v1,/, ''))
  return given.length === expected.length && timingSafeEqual(given, expected)
}
