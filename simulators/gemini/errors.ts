/** A `google.rpc` error detail. */
export type ErrorDetail = { '@type': string } & Record<string, unknown>

/** The body of every error answer. */
export interface ErrorBody {
  error: { code: number; message: string; status: string; details?: ErrorDetail[] }
}

/** A request the service does not answer: the HTTP status, the `google.rpc` status and the service's own words. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: number
  readonly status: string
  readonly details: ErrorDetail[] | undefined
  /** Where exactly the request is wrong, for the ledger: the service's own words often do not say. */
  readonly note: string | undefined

  constructor(refusal: { code: number; status: string; message: string; details?: ErrorDetail[]; note?: string }) {
    super(refusal.message)
    this.code = refusal.code
    this.status = refusal.status
    this.details = refusal.details
    this.note = refusal.note
  }

  /** The JSON the client gets. */
  get body(): ErrorBody {
    const { code, message, status, details } = this
    return { error: { code, message, status, ...(details && { details }) } }
  }

  /** The ledger's line about it. */
  get violation(): string {
    return this.note === undefined ? this.message : `${this.message} [${this.note}]`
  }
}

/** One field the transcoder from JSON could not place; `field` is absent at the root. */
export interface FieldViolation {
  field?: string
  description: string
}

/** 400: understood, but against a rule. */
export const invalidArgument = (message: string, note?: string): Refusal =>
  new Refusal({ code: 400, status: 'INVALID_ARGUMENT', message, ...(note !== undefined && { note }) })

/** 400: the JSON does not fit the request's type. */
export const invalidPayload = (violations: FieldViolation[]): Refusal =>
  new Refusal({
    code: 400,
    status: 'INVALID_ARGUMENT',
    message: violations.map(({ description }) => description).join('\n'),
    details: [{ '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: violations }],
  })

export const notFound = (message: string): Refusal => new Refusal({ code: 404, status: 'NOT_FOUND', message })

const errorInfo = (reason: string): ErrorDetail => ({
  '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
  reason,
  domain: 'googleapis.com',
  metadata: { service: 'generativelanguage.googleapis.com' },
})

export const keyMissing = (): Refusal =>
  new Refusal({
    code: 403,
    status: 'PERMISSION_DENIED',
    message:
      "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.",
  })

export const keyInvalid = (): Refusal => {
  const message = 'API key not valid. Please pass a valid API key.'
  return new Refusal({
    code: 400,
    status: 'INVALID_ARGUMENT',
    message,
    details: [
      errorInfo('API_KEY_INVALID'),
      { '@type': 'type.googleapis.com/google.rpc.LocalizedMessage', locale: 'en-US', message },
    ],
  })
}

export const tokenInvalid = (): Refusal =>
  new Refusal({
    code: 401,
    status: 'UNAUTHENTICATED',
    message:
      'Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.',
    details: [errorInfo('ACCESS_TOKEN_TYPE_UNSUPPORTED')],
  })

export const overloaded = (): Refusal =>
  new Refusal({ code: 503, status: 'UNAVAILABLE', message: 'The model is overloaded. Please try again later.' })

export const internalError = (note?: string): Refusal =>
  new Refusal({
    code: 500,
    status: 'INTERNAL',
    message:
      'An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting',
    ...(note !== undefined && { note }),
  })

/** 429. `limit` is the quota's value, `retryAfterMs` what `RetryInfo` says. */
export function quotaExceeded(quota: {
  model: string
  per: 'minute' | 'day'
  limit: number
  retryAfterMs: number
}): Refusal {
  const seconds = `${quota.retryAfterMs / 1000}s`
  const metric = 'generativelanguage.googleapis.com/generate_requests_per_model'
  const period = quota.per === 'minute' ? 'PerMinute' : 'PerDay'
  return new Refusal({
    code: 429,
    status: 'RESOURCE_EXHAUSTED',
    message:
      'You exceeded your current quota, please check your plan and billing details. For more information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits. ' +
      `\n* Quota exceeded for metric: ${metric}, limit: ${quota.limit}, model: ${quota.model}\nPlease retry in ${seconds}.`,
    details: [
      {
        '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
        violations: [
          {
            quotaMetric: metric,
            quotaId: `GenerateRequests${period}PerProjectPerModel`,
            quotaDimensions: { location: 'global', model: quota.model },
            quotaValue: String(quota.limit),
          },
        ],
      },
      {
        '@type': 'type.googleapis.com/google.rpc.Help',
        links: [
          {
            description: 'Learn more about Gemini API quotas',
            url: 'https://ai.google.dev/gemini-api/docs/rate-limits',
          },
        ],
      },
      { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: seconds },
    ],
  })
}
