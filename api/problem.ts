import { GatewayError, type ErrorCode } from '../domain/errors.ts'
import { unavailableOf } from './unavailable.ts'

/** One fault of a request; `pointer` is a JSON Pointer into the body, else `/` and the name of a parameter or header. */
export interface Fault {
  readonly pointer: string
  readonly detail: string
}

/** A person reads the detail; programs read `errors`. */
const FAULTS_IN_DETAIL = 5
const MAX_DETAIL = 1_000

/** Bad input with every fault at its place. */
export class InvalidRequest extends GatewayError {
  readonly faults: readonly Fault[]
  constructor(code: 'invalid_request' | 'invalid_json', faults: readonly Fault[]) {
    const first = faults.slice(0, FAULTS_IN_DETAIL).map(({ pointer, detail }) => `${pointer || 'the body'} ${detail}`)
    super(code, `${first.join('; ').slice(0, MAX_DETAIL)}${faults.length > first.length ? '; and more' : ''}`)
    this.faults = faults
  }
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  invalid_request: 422,
  invalid_json: 400,
  malformed_request: 400,
  headers_too_large: 431,
  request_timeout: 408,
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
  unavailable: 503,
}

/** Where the fault lies, for codes that name one place. */
const POINTERS: Partial<Record<ErrorCode, string>> = {
  malformed_request: '',
  invalid_cursor: '/cursor',
  repository_not_allowed: '/repository/url',
  callback_not_allowed: '/callbackUrl',
  idempotency_key_reused: '/Idempotency-Key',
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not authenticated',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Request too slow',
  409: 'Not possible in this state',
  413: 'Body too large',
  415: 'Unsupported media type',
  422: 'Invalid request',
  429: 'Too many requests',
  431: 'Headers too large',
  500: 'Internal error',
  503: 'Not available',
}

/** The one mapping from errors to HTTP (RFC 9457). What no code names is told nothing about. */
export function problemOf(error: unknown): Response {
  const known = error instanceof GatewayError ? error : unavailableOf(error)
  const status = known ? (STATUS[known.code] ?? (known.retryable ? 503 : 500)) : 500
  const code = known?.code ?? 'internal'
  const detail = known?.message ?? 'The gateway failed on this request. It was logged; try again, or look at its log.'
  const errors = faultsOf(error)
  const body = {
    type: `urn:openclaw:problem:${code}`,
    title: TITLES[status] ?? 'Error',
    status,
    detail,
    code,
    ...(errors && { errors }),
  }
  return new Response(JSON.stringify(body), { status, headers: headersOf(known, status) })
}

function faultsOf(error: unknown): readonly Fault[] | undefined {
  if (error instanceof InvalidRequest) return error.faults
  const pointer = error instanceof GatewayError ? POINTERS[error.code] : undefined
  return pointer === undefined ? undefined : [{ pointer, detail: (error as GatewayError).message }]
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
