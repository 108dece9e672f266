import type { Context } from 'hono'
import type { z } from 'zod'
import { GatewayError } from '../domain/errors.ts'
import { InvalidRequest, type Fault } from './problem.ts'

/** No request of ours needs more; a prompt has at most 32 KiB. */
const MAX_BODY_BYTES = 1024 * 1024
/** Halves of a character that never met: PostgreSQL cannot store them. */
const LONE_SURROGATE = /\p{Surrogate}/u

/** A request body, read within the limit and parsed by its schema. Throws `InvalidRequest` with every fault. */
export async function jsonBody<T extends z.ZodType>(context: Context, schema: T): Promise<z.output<T>> {
  return parsed(schema, await readJson(context.req.raw))
}

/** As {@link jsonBody}, for what has been read already. */
export function parsed<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new InvalidRequest('invalid_request', result.error.issues.flatMap(faultsOf))
}

/** The JSON value of a body: valid UTF-8, at most 1 MiB, without NUL and `__proto__`. */
export async function readJson(request: Request): Promise<unknown> {
  const type = request.headers.get('content-type') ?? ''
  if (!/^application\/([\w.-]+\+)?json\s*(;|$)/i.test(type))
    throw new GatewayError('unsupported_media_type', 'Send the body as JSON, with Content-Type: application/json.')
  const bytes = await readBytes(request)
  const value = parse(bytes)
  const fault = unstorable(value)
  if (fault) throw new InvalidRequest('invalid_request', [fault])
  return value
}

async function readBytes(request: Request): Promise<Buffer> {
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY_BYTES) throw tooLarge()
  if (!request.body) return Buffer.alloc(0)
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > MAX_BODY_BYTES) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function parse(bytes: Buffer): unknown {
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
  const open: { readonly pointer: string; readonly value: unknown }[] = [{ pointer: '', value: root }]
  for (let next = open.pop(); next; next = open.pop()) {
    const { pointer, value } = next
    if (typeof value === 'string') {
      const detail = textFault(value)
      if (detail) return { pointer, detail }
    }
    if (typeof value !== 'object' || value === null) continue
    for (const [key, child] of Object.entries(value)) {
      if (key === '__proto__' || textFault(key)) return { pointer, detail: 'holds a field whose name is not allowed' }
      open.push({ pointer: `${pointer}/${escaped(key)}`, value: child })
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

const tooLarge = (): GatewayError =>
  new GatewayError(
    'body_too_large',
    `The body is larger than ${MAX_BODY_BYTES} bytes. Put large material into the repository.`,
  )
