import { createHmac } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a person sees of a message. */
export interface Note {
  text: string
  buttons: readonly { readonly title: string; readonly command: string }[]
}

export type Fault = 'busy' | 'lost-before' | 'lost-after'

export interface Slate {
  readonly url: string
  /** The gateway's messages, oldest first. */
  readonly notes: readonly Note[]
  /** Paths asked for so far. */
  readonly requests: readonly string[]
  /** Tells the gateway's webhook; once all was told, `settled` resolves. */
  tells(event: Readonly<Record<string, unknown>>): void
  settled(): Promise<void>
  keeps(bytes: Buffer): string
  failNext(fault: Fault): void
  failFile(request: 'address' | 'bytes'): void
  /** Of everybody. */
  state: 'well' | 'out' | 'left'
  close(): Promise<void>
}

/** A chat service as small as one can be: notes that can be changed, with buttons, and files. */
export async function startSlate(options: { readonly webhookUrl: string; readonly secret: string }): Promise<Slate> {
  const notes: Note[] = []
  const files = new Map<string, Buffer>()
  const requests: string[] = []
  let told: Promise<unknown> = Promise.resolve()
  let fault: Fault | undefined
  let fileFault: string | undefined
  let happened = 0
  const answer = (method: string, path: string, body: string): { status: number; body?: object | Buffer } => {
    const [, room = '', id = ''] = path.split('/')
    if (slate.state === 'out') return { status: 503 }
    if (room === fileFault) {
      fileFault = undefined
      return { status: 500 }
    }
    if (room === 'address') return files.has(id) ? { status: 200, body: { path: `/bytes/${id}` } } : { status: 404 }
    if (room === 'bytes') return { status: 200, body: files.get(id) ?? Buffer.alloc(0) }
    if (room !== 'notes') return { status: 200 }
    if (slate.state === 'left') return { status: 410 }
    const note = JSON.parse(body) as Note
    const known = notes[Number(id) - 1]
    if (method === 'PUT' && known) Object.assign(known, note)
    else notes.push(note)
    return { status: 200, body: { id: id || String(notes.length) } }
  }
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const { method = '', url: path = '' } = request
      requests.push(path)
      const broken = method === 'POST' && path === '/notes' ? fault : undefined
      if (broken) fault = undefined
      if (broken === 'busy') return response.writeHead(429, { 'retry-after': '1' }).end()
      if (broken === 'lost-before') return response.destroy()
      const { status, body: answered } = answer(method, path, body)
      if (broken === 'lost-after') return response.destroy()
      return response.writeHead(status).end(Buffer.isBuffer(answered) ? answered : JSON.stringify(answered ?? {}))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const slate: Slate = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ notes, requests, state: 'well' },
    tells(event) {
      happened++
      const body = JSON.stringify({ id: `event-${happened}`, at: happened, from: 'ada', ...event })
      const proof = `sha256=${createHmac('sha256', options.secret).update(body).digest('hex')}`
      const headers = { 'content-type': 'application/json', 'x-hub-signature-256': proof }
      // It tells once: who is not there has not heard it.
      told = told.then(() => fetch(options.webhookUrl, { method: 'POST', headers, body }).catch(() => undefined))
    },
    settled: async () => void (await told),
    keeps(bytes) {
      files.set(String(files.size + 1), bytes)
      return String(files.size)
    },
    failNext: (next) => (fault = next),
    failFile: (request) => (fileFault = request),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
  return slate
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString('utf8')
}
