import { ApiError } from '@google/genai'
import { GatewayError } from '../../domain/errors.ts'

interface Detail {
  readonly '@type'?: string
  readonly retryDelay?: string
  readonly reason?: string
  readonly violations?: readonly { readonly quotaId?: string }[]
}
interface ErrorBody {
  readonly code: number
  readonly status: string
  readonly message: string
  readonly details: readonly Detail[]
}

/** Turns whatever the SDK threw into one of the model's failures; see `ModelClient`. */
export function modelErrorOf(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error
  if (!(error instanceof ApiError)) return unavailable(error)
  const body = bodyOf(error)
  const detail = (type: string) => body.details.find((entry) => entry['@type']?.endsWith(type))
  if (isKeyRefused(body))
    return new GatewayError(
      'model_refused_key',
      `Gemini refused the credential (${body.message}). Check GEMINI_API_KEY and start the gateway again.`,
      { cause: error },
    )
  if (body.code === 429) {
    const perDay = detail('QuotaFailure')?.violations?.some(({ quotaId }) => quotaId?.includes('PerDay')) ?? false
    const seconds = /^([\d.]+)s$/.exec(detail('RetryInfo')?.retryDelay ?? '')?.[1]
    if (perDay)
      return new GatewayError(
        'model_quota_exhausted',
        "Gemini's daily quota of this key is used up. Raise the quota or wait until tomorrow, then retry the task.",
        { cause: error },
      )
    return new GatewayError('model_overloaded', `Gemini's rate limit was reached (${firstLine(body.message)}).`, {
      retryable: true,
      ...(seconds !== undefined && { retryAfterMs: Math.ceil(Number(seconds) * 1000) }),
      cause: error,
    })
  }
  if (body.code >= 500 || body.code === 408)
    return new GatewayError('model_overloaded', `Gemini cannot answer now (${body.code} ${firstLine(body.message)}).`, {
      retryable: true,
      cause: error,
    })
  return new GatewayError(
    'model_rejected_request',
    `Gemini refused the request (${body.code} ${body.status}: ${firstLine(body.message)}).`,
    { cause: error },
  )
}

const unavailable = (error: unknown): GatewayError =>
  new GatewayError(
    'model_unavailable',
    `Gemini could not be reached or broke off (${error instanceof Error ? firstLine(error.message) : 'unknown'}). Check the network and GOOGLE_GEMINI_BASE_URL.`,
    { retryable: true, cause: error },
  )

const isKeyRefused = (body: ErrorBody): boolean =>
  body.code === 401 ||
  body.code === 403 ||
  (body.code === 400 && body.details.some((entry) => entry.reason === 'API_KEY_INVALID')) ||
  body.message.startsWith('API key not valid')

const firstLine = (text: string): string => (text.split('\n')[0] ?? '').slice(0, 300)

/** The SDK puts the JSON text of the body into `message`; some fronts wrap it in a one-element array. */
function bodyOf(error: ApiError): ErrorBody {
  const fallback: ErrorBody = { code: error.status, status: '', message: error.message, details: [] }
  try {
    const start = error.message.search(/[[{]/)
    const parsed: unknown = JSON.parse(error.message.slice(start))
    const outer = (Array.isArray(parsed) ? parsed[0] : parsed) as { error?: Partial<ErrorBody> } | undefined
    return { ...fallback, ...outer?.error, details: outer?.error?.details ?? [] }
  } catch {
    return fallback
  }
}
