import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A webhook as it arrived. */
export interface Received {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** How the receiver answers. */
export interface Answered {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface WebhookReceiver {
  readonly url: string
  readonly received: readonly Received[]
  /** The JSON bodies so far, in the order of their arrival. */
  bodies<Body>(): Body[]
  close(): Promise<void>
}

/** A product's webhook that takes what it gets; `answer` decides otherwise, counting from 0. */
export async function startReceiver(
  answer: (received: Received, index: number) => Answered | Promise<Answered> = () => ({}),
): Promise<WebhookReceiver> {
  const received: Received[] = []
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request
      const webhook = { method, path, headers, body: Buffer.concat(pieces).toString('latin1') }
      received.push(webhook)
      void Promise.resolve(answer(webhook, received.length - 1)).then(({ status = 200, headers, body = '' }) => {
        response.writeHead(status, headers)
        response.end(body)
      })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhook`,
    received,
    bodies: <Body>() => received.map(({ body }) => JSON.parse(body) as Body),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}
