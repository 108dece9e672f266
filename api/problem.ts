import { GatewayError, type ErrorCode } from '../domain/errors.ts'

/** One fault of a request; `pointer` is a JSON Pointer into the body, or the name of a parameter. */
export interface Fault {
  readonly pointer: string
  readonly detail: string
}

/** Bad input with every fault at its place. */
export class InvalidRequest extends GatewayError {
  readonly faults: readonly Fault[]
  constructor(code: 'invalid_request' | 'invalid_json', faults: readonly Fault[]) {
    super(code, faults.map(({ pointer, detail }) => `${pointer || 'the body'} ${detail}`).join('; '))
    this.faults = faults
  }
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  invalid_request: 422,
  invalid_json: 400,
  unsupported_media_type: 415,
  body_too_large: 413,
  invalid_cursor: 400,
  repository_not_allowed: 422,
  callback_not_allowed: 422,
  idempotency_key_reused: 422,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  rate_limited: 429,
  conflict: 409,
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not authenticated',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Not possible in this state',
  413: 'Body too large',
  415: 'Unsupported media type',
  422: 'Invalid request',
  429: 'Too many requests',
  500: 'Internal error',
  503: 'Not available',
}

/** The one mapping from errors to HTTP (RFC 9457). What no code names is told nothing about. */
export function problemOf(error: unknown): Response {
  const known = error instanceof GatewayError ? error : undefined
  const status = known ? (STATUS[known.code] ?? (known.retryable ? 503 : 500)) : 500
  const code = known?.code ?? 'internal'
  const detail = known?.message ?? 'The gateway failed on this request. It was logged; try again, or look at its log.'
  const faults = error instanceof InvalidRequest ? { errors: error.faults } : {}
  const body = {
    type: `urn:openclaw:problem:${code}`,
    title: TITLES[status] ?? 'Error',
    status,
    detail,
    code,
    ...faults,
  }
  return new Response(JSON.stringify(body), { status, headers: headersOf(known, status) })
}

function headersOf(error: GatewayError | undefined, status: number): Record<string, string> {
  const retry = status === 429 || status === 503
  return {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 401 && { 'www-authenticate': 'Bearer realm="openclaw"' }),
    ...(retry && { 'retry-after': String(Math.ceil((error?.retryAfterMs ?? 1_000) / 1_000)) }),
    // What was not read of a refused body must not be taken for the next request.
    ...(status === 413 && { connection: 'close' }),
  }
}
