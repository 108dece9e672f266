import { ApiError } from '@google/genai'
import { z } from 'zod'
import { GatewayError, type ErrorCode } from '../../domain/errors.ts'

const word = z.string().optional().catch(undefined)
const detailSchema = z
  .object({
    '@type': word,
    retryDelay: word,
    reason: word,
    violations: z.array(z.object({ quotaId: word }).catch({})).catch([]),
  })
  .catch({ violations: [] })
/** Gemini's own form. Fronts have their own ideas of each field: what does not fit is left out. */
const bodySchema = z.object({
  error: z.object({
    status: z.string().catch(''),
    message: z.string().min(1).optional().catch(undefined),
    details: z.array(detailSchema).catch([]),
  }),
})

interface ErrorBody {
  /** The HTTP status; in the middle of a stream the `code` of the error event. */
  readonly code: number
  readonly status: string
  readonly message: string
  readonly details: readonly z.output<typeof detailSchema>[]
}

/** Turns whatever the SDK threw into one of the model's failures; see `ModelClient`. No message names the key. */
export function modelErrorOf(error: unknown, apiKey?: string): GatewayError {
  if (error instanceof GatewayError) return error
  const shown = (words: string) => firstLine(withoutSecrets(words, apiKey))
  const text = error instanceof Error ? error.message : String(error)
  const failure = (code: ErrorCode, message: string, options: { retryable?: boolean; retryAfterMs?: number } = {}) =>
    // Logs show causes too: one that would name the key is left out.
    new GatewayError(code, message, { ...options, ...(withoutSecrets(text, apiKey) === text && { cause: error }) })
  if (!(error instanceof ApiError)) {
    const advice = 'Check the network and GOOGLE_GEMINI_BASE_URL.'
    const message = `Gemini could not be reached or broke off (${shown(text)}). ${advice}`
    return failure('model_unavailable', message, { retryable: true })
  }
  const body = bodyOf(error)
  const said = shown(body.message)
  if (isKeyRefused(body))
    return failure(
      'model_refused_key',
      `Gemini refused the credential (${said}). Check GEMINI_API_KEY and start the gateway again.`,
    )
  if (body.code === 429 && isDailyQuota(body))
    return failure(
      'model_quota_exhausted',
      "Gemini's daily quota of this key is used up. Raise the quota or wait until tomorrow, then retry the task.",
    )
  const soon = { retryable: true, ...retryAfter(body) }
  if (body.code === 429) return failure('model_overloaded', `Gemini's rate limit was reached (${said}).`, soon)
  if (body.code >= 500 || body.code === 408)
    return failure('model_overloaded', `Gemini cannot answer now (${body.code} ${said}).`, soon)
  return failure('model_rejected_request', `Gemini refused the request (${body.code} ${body.status}: ${said}).`)
}

const isKeyRefused = (body: ErrorBody): boolean =>
  body.code === 401 ||
  body.code === 403 ||
  (body.code === 400 && body.details.some((entry) => entry.reason === 'API_KEY_INVALID')) ||
  body.message.startsWith('API key not valid')

const detailOf = (body: ErrorBody, type: string) => body.details.find((entry) => entry['@type']?.endsWith(type))

const isDailyQuota = (body: ErrorBody): boolean =>
  detailOf(body, 'QuotaFailure')?.violations.some(({ quotaId }) => quotaId?.includes('PerDay')) ?? false

function retryAfter(body: ErrorBody): { readonly retryAfterMs?: number } {
  const seconds = /^(\d+(?:\.\d+)?)s$/.exec(detailOf(body, 'RetryInfo')?.retryDelay ?? '')?.[1]
  return seconds === undefined ? {} : { retryAfterMs: Math.ceil(Number(seconds) * 1000) }
}

/** Shorter keys are stand-ins; taken out, they would tear words apart. */
const SHORTEST_SECRET = 12

/** The text without the key and without credentials in a URL: services and libraries like to quote both. */
function withoutSecrets(words: string, apiKey = ''): string {
  const keyless = apiKey.length < SHORTEST_SECRET ? words : words.replaceAll(apiKey, '(the key)')
  return keyless.replace(/\/\/[^/@\s]*@/g, '//')
}

/** One line, of a length for people. */
const firstLine = (words: string): string => (words.split('\n')[0] ?? '').slice(0, 300)

/** The SDK puts the JSON text of the body into `message`; some fronts wrap it in a one-element array. */
function bodyOf(error: ApiError): ErrorBody {
  const fallback = { code: error.status, status: '', message: error.message, details: [] }
  try {
    const parsed: unknown = JSON.parse(error.message.slice(error.message.search(/[[{]/)))
    const { message = error.message, ...body } = bodySchema.parse(Array.isArray(parsed) ? parsed[0] : parsed).error
    return { ...fallback, ...body, message }
  } catch {
    return fallback
  }
}
