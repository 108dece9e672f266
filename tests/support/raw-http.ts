import { connect, type Socket } from 'node:net'
import { once } from 'node:events'

/** What came back over a socket. */
export interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A TCP connection to a server, for requests no HTTP client would send. */
export async function openSocket(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  return socket
}

/** The first answer on the socket; rejects when none comes within the limit. */
export async function answerOf(socket: Socket, limitMs = 5_000): Promise<RawAnswer> {
  const chunks: Buffer[] = []
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('no answer in time')), limitMs)
    const settle = () => {
      clearTimeout(late)
      const answer = parse(Buffer.concat(chunks).toString('latin1'))
      if (answer) resolve(answer)
      else reject(new Error(`closed without an answer after ${Buffer.concat(chunks).length} bytes`))
    }
    socket.on('data', (chunk) => {
      chunks.push(chunk)
      if (parse(Buffer.concat(chunks).toString('latin1'))) settle()
    })
    socket.on('error', () => undefined)
    socket.on('close', settle)
  })
}

/** The answer once its body has arrived as far as Content-Length says. */
function parse(text: string): RawAnswer | undefined {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [line = '', ...lines] = head.split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(line)?.[1])
  if (rest.length === 0 || Number.isNaN(status)) return undefined
  const headers = Object.fromEntries(
    lines.map((header) => {
      const colon = header.indexOf(':')
      return [header.slice(0, colon).toLowerCase(), header.slice(colon + 1).trim()]
    }),
  )
  const body = rest.join('\r\n\r\n')
  return body.length < Number(headers['content-length'] ?? 0) ? undefined : { status, headers, body }
}
