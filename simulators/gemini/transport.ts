import type { IncomingMessage, ServerResponse } from 'node:http'
import { setImmediate as nextTick } from 'node:timers/promises'
import { invalidArgument, invalidPayload, overloaded } from './errors.ts'
import type { Breakage } from './faults.ts'

/** What goes back to the client. */
export type Reply =
  | { readonly kind: 'json'; readonly status: number; readonly body: object }
  | { readonly kind: 'stream'; readonly chunks: readonly object[]; readonly sse: boolean }

/** The service's limit of a request's body. */
const MAX_BYTES = 20_971_520

/** Reads the whole body; resolves to undefined when the client gave up meanwhile. */
export async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const pieces: Buffer[] = []
  try {
    for await (const piece of request) pieces.push(piece as Buffer)
  } catch {
    return undefined
  }
  return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces)
}

/** Parses a request's body, or throws the service's refusal of it. */
export function parseBody(body: Buffer): unknown {
  if (body.length > MAX_BYTES) throw invalidArgument(`Request payload size exceeds the limit: ${MAX_BYTES} bytes.`)
  if (body.length === 0) return {}
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw invalidPayload([{ description: `Invalid JSON payload received. ${why}` }])
  }
}

/** Sends a reply, or the part of it that a breakage lets through. */
export async function send(response: ServerResponse, reply: Reply, breakage: Breakage | undefined): Promise<void> {
  if (response.destroyed || breakage === 'hang') return
  if (breakage === 'reset') return void response.socket?.resetAndDestroy()
  if (reply.kind === 'json') return sendJson(response, reply, breakage)
  return sendStream(response, reply, breakage)
}

async function sendJson(
  response: ServerResponse,
  { status, body }: Extract<Reply, { kind: 'json' }>,
  breakage: Breakage | undefined,
): Promise<void> {
  const failed = breakage === 'stream-error' ? overloaded() : undefined
  const bytes = Buffer.from(JSON.stringify(failed?.body ?? body))
  response.writeHead(failed?.code ?? status, {
    'content-type': 'application/json; charset=UTF-8',
    'content-length': bytes.length,
  })
  if (breakage !== 'cut') return void response.end(bytes)
  await flush(response, bytes.subarray(0, bytes.length >> 1))
  response.destroy()
}

async function sendStream(
  response: ServerResponse,
  { chunks, sse }: Extract<Reply, { kind: 'stream' }>,
  breakage: Breakage | undefined,
): Promise<void> {
  response.writeHead(200, { 'content-type': sse ? 'text/event-stream' : 'application/json; charset=UTF-8' })
  const events = eventsOf(breakage === 'stream-error' ? [...firstHalf(chunks), overloaded().body] : chunks, sse)
  const bytes = Buffer.concat(events)
  const cut = breakage === 'cut' ? bytes.length >> 1 : awkwardCut(events[0] ?? bytes)
  await flush(response, bytes.subarray(0, cut))
  if (breakage === 'cut') response.destroy()
  else response.end(bytes.subarray(cut))
}

/** Without `alt=sse` the service streams one JSON list. */
const eventsOf = (chunks: readonly object[], sse: boolean): Buffer[] =>
  chunks.map((chunk, index) => {
    const json = JSON.stringify(chunk)
    if (sse) return Buffer.from(`data: ${json}\r\n\r\n`)
    return Buffer.from(`${index === 0 ? '[' : ',\r\n'}${json}${index === chunks.length - 1 ? ']' : ''}`)
  })

/** At least one piece of the answer gets through, never the last. */
const firstHalf = (chunks: readonly object[]): readonly object[] => chunks.slice(0, chunks.length >> 1)

/**
 * Networks cut anywhere: the first packet ends inside the first event, in the middle of a character if it has a long one.
 */
function awkwardCut(event: Buffer): number {
  const long = event.findIndex((byte) => byte >= 0xc0)
  return long === -1 ? event.length >> 1 : long + 1
}

/** Writes and lets the event loop turn, so that these bytes travel apart from the next ones. */
async function flush(response: ServerResponse, bytes: Buffer): Promise<void> {
  if (response.destroyed) return
  response.write(bytes)
  await nextTick()
}
