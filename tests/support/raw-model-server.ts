import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** One answer, byte for byte. */
export interface RawAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** They leave one after the other, as a network might cut them. */
  readonly pieces: readonly (string | Uint8Array)[]
  /** What follows the last piece; `reset` without any piece comes before the first byte. */
  readonly ending?: 'end' | 'reset' | 'silence'
  /** Pause between two pieces. */
  readonly everyMs?: number
}

/** One request as it came. */
export interface RawRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly text: string
}

/** A stand-in for the Gemini API that says exactly what it is told, right or wrong. */
export interface RawModelServer {
  readonly url: string
  readonly requests: readonly RawRequest[]
  /** Answers that have neither ended nor been given up. */
  open(): number
  /** Queues answers; a request without one gets 500. */
  answer(...answers: readonly RawAnswer[]): void
  close(): Promise<void>
}

/** Enough for the client to read what was written before the next piece arrives. */
const PIECE_PAUSE_MS = 2
const STREAM = { 'content-type': 'text/event-stream' }
const JSON_TYPE = { 'content-type': 'application/json; charset=UTF-8' }

export async function startRawModelServer(): Promise<RawModelServer> {
  const requests: RawRequest[] = []
  const answers: RawAnswer[] = []
  let open = 0
  const server = createServer((request, response) => {
    open += 1
    response.on('close', () => (open -= 1))
    response.on('error', () => response.destroy())
    void readRequest(request).then(async (read) => {
      requests.push(read)
      await play(response, answers.shift() ?? { status: 500, pieces: ['no answer was queued'] })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    open: () => open,
    answer: (...more) => void answers.push(...more),
    async close() {
      const closed = new Promise<unknown>((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

async function readRequest(request: IncomingMessage): Promise<RawRequest> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  const { method = '', url = '', headers } = request
  return { method, url, headers, text: Buffer.concat(pieces).toString('utf8') }
}

async function play(response: ServerResponse, answer: RawAnswer): Promise<void> {
  const { status = 200, headers = STREAM, pieces, ending = 'end', everyMs = PIECE_PAUSE_MS } = answer
  if (pieces.length > 0) response.writeHead(status, headers)
  for (const piece of pieces) {
    if (response.destroyed) return
    response.write(piece)
    await pause(everyMs)
  }
  if (ending === 'end') response.end()
  if (ending === 'reset') response.socket?.resetAndDestroy()
}

/** A stream of server-sent events, one for each chunk; texts stand as they are. */
export const eventsOf = (...chunks: readonly (object | string)[]): string =>
  chunks.map((chunk) => `data: ${typeof chunk === 'string' ? chunk : JSON.stringify(chunk)}\r\n\r\n`).join('')

/** A whole JSON answer. */
export const jsonAnswer = (status: number, body: unknown): RawAnswer => ({
  status,
  headers: JSON_TYPE,
  pieces: [JSON.stringify(body)],
})

/** A chunk of a stream with the given parts; the last one says why it ended. */
export const chunkOf = (parts: readonly object[], more: { finishReason?: string; usageMetadata?: object } = {}) => ({
  candidates: [
    {
      content: { role: 'model', parts },
      index: 0,
      ...(more.finishReason !== undefined && { finishReason: more.finishReason }),
    },
  ],
  ...(more.usageMetadata && { usageMetadata: more.usageMetadata }),
})

/** Bytes cut into pieces of one size. */
export function cutEvery(size: number, text: string): readonly Uint8Array[] {
  const bytes = Buffer.from(text)
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  )
}
