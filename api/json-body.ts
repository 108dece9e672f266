import type { Context } from 'hono'
import { z } from 'zod'
import { GatewayError } from '../domain/errors.ts'
import { InvalidRequest, type Fault } from './problem.ts'

/** No request of ours needs more; a prompt has at most 32,768 characters. */
const MAX_BODY_BYTES = 1024 * 1024
/** Our deepest request has 4 levels; what walks a value by recursion must not meet thousands. */
const MAX_DEPTH = 64
/** Who sends more faults than that learns nothing from the rest. */
const MAX_FAULTS = 50
/** Halves of a character that never met: PostgreSQL cannot store them. */
const LONE_SURROGATE = /\p{Surrogate}/u
const NOTHING = z.strictObject({})

/** A request body, read within the limit and parsed by its schema. Throws `InvalidRequest` with every fault. */
export async function jsonBody<T extends z.ZodType>(context: Context, schema: T): Promise<z.output<T>> {
  return parsed(schema, await readJson(context.req.raw))
}

/** For a request that needs no body: none or an empty object is fine, anything else is refused like a wrong body. */
export async function emptyBody(context: Context): Promise<void> {
  const bytes = await readBytes(context.req.raw)
  if (bytes.length > 0) parsed(NOTHING, jsonOf(context.req.raw, bytes))
}

/** The parameters of a query, each at most once. Throws `InvalidRequest` with every fault. */
export function parsedQuery<T extends z.ZodObject>(context: Context, schema: T): z.output<T> {
  const values = context.req.queries()
  const faults = Object.keys(schema.shape)
    .filter((name) => (values[name]?.length ?? 0) > 1)
    .map((name) => ({ pointer: `/${name}`, detail: 'must not stand more than once' }))
  if (faults.length > 0) throw new InvalidRequest('invalid_request', faults)
  return parsed(schema, context.req.query())
}

/** As {@link jsonBody}, for what has been read already. */
export function parsed<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new InvalidRequest('invalid_request', result.error.issues.flatMap(faultsOf).slice(0, MAX_FAULTS))
}

/** The JSON value of a body: valid UTF-8, at most 1 MiB, without NUL and `__proto__`. */
export async function readJson(request: Request): Promise<unknown> {
  return jsonOf(request, await readBytes(request))
}

function jsonOf({ headers }: Request, bytes: Buffer): unknown {
  if (!/^application\/([\w.-]+\+)?json\s*(;|$)/i.test(headers.get('content-type') ?? ''))
    throw new GatewayError('unsupported_media_type', 'Send the body as JSON, with Content-Type: application/json.')
  if (!/^(identity)?$/i.test(headers.get('content-encoding') ?? ''))
    throw new GatewayError('unsupported_media_type', 'Send the body as it is, without a Content-Encoding.')
  const value = parseJson(bytes)
  const fault = unstorable(value)
  if (fault) throw new InvalidRequest('invalid_request', [fault])
  return value
}

/** The bytes of a body, at most so many: what is larger is refused before the rest is read. */
export async function readBytes(request: Request, most = MAX_BODY_BYTES): Promise<Buffer> {
  if (Number(request.headers.get('content-length') ?? 0) > most) throw tooLarge(most)
  if (!request.body) return Buffer.alloc(0)
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of arriving(request.body)) {
    size += chunk.length
    if (size > most) throw tooLarge(most)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** The bytes as they come. A client that leaves in the middle is no fault of ours. */
async function* arriving(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body as unknown as AsyncIterable<Uint8Array>
  } catch (error) {
    throw new GatewayError('malformed_request', 'The body broke off before its end. Send it again.', { cause: error })
  }
}

/** Throws `invalid_json` for what is not UTF-8 or not JSON. */
export function parseJson(bytes: Buffer): unknown {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new InvalidRequest('invalid_json', [{ pointer: '', detail: 'is not valid UTF-8' }])
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it cannot be parsed'
    throw new InvalidRequest('invalid_json', [{ pointer: '', detail: `is not valid JSON: ${why.slice(0, 200)}` }])
  }
}

/** Walks without recursion: a deeply nested body must not exhaust the stack. */
function unstorable(root: unknown): Fault | undefined {
  const open: { readonly pointer: string; readonly depth: number; readonly value: unknown }[] = [
    { pointer: '', depth: 0, value: root },
  ]
  for (let next = open.pop(); next; next = open.pop()) {
    const { pointer, depth, value } = next
    if (typeof value === 'string') {
      const detail = textFault(value)
      if (detail) return { pointer, detail }
    }
    if (typeof value !== 'object' || value === null) continue
    if (depth === MAX_DEPTH) return { pointer: '', detail: `is nested deeper than ${MAX_DEPTH} levels` }
    for (const [key, child] of Object.entries(value)) {
      if (key === '__proto__' || textFault(key)) return { pointer, detail: 'holds a field whose name is not allowed' }
      open.push({ pointer: `${pointer}/${escaped(key)}`, depth: depth + 1, value: child })
    }
  }
  return undefined
}

function textFault(text: string): string | undefined {
  if (text.includes('\0')) return 'must not contain NUL'
  return LONE_SURROGATE.test(text) ? 'holds half of a surrogate pair' : undefined
}

const escaped = (segment: string): string => segment.replaceAll('~', '~0').replaceAll('/', '~1')

function faultsOf(issue: z.core.$ZodIssue): readonly Fault[] {
  const pointer = issue.path.map((segment) => `/${escaped(String(segment))}`).join('')
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ pointer: `${pointer}/${escaped(key)}`, detail: 'is not a known field' }))
  return [{ pointer, detail: issue.message.replace(/^Invalid input: /, '').slice(0, 300) }]
}

const tooLarge = (most: number): GatewayError =>
  new GatewayError('body_too_large', `The body is larger than ${most} bytes. Put large material into the repository.`)
