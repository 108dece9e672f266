import { randomBytes } from 'node:crypto'

/** A request the Graph API refuses; clients branch on `code`. */
export class GraphError extends Error {
  override readonly name = 'GraphError'
  readonly http: number
  readonly code: number
  readonly details: string | undefined
  private readonly type: string
  private readonly subcode: number | undefined

  constructor(error: {
    readonly http?: number
    readonly code: number
    readonly message: string
    readonly details?: string
    readonly type?: string
    readonly subcode?: number
  }) {
    super(error.message)
    this.http = error.http ?? 400
    this.code = error.code
    this.details = error.details
    this.type = error.type ?? 'OAuthException'
    this.subcode = error.subcode
  }

  /** The JSON the client gets. */
  get body(): object {
    const { message, type, code, details, subcode } = this
    return {
      error: {
        message,
        type,
        code,
        ...(details !== undefined && { error_data: { messaging_product: 'whatsapp', details } }),
        ...(subcode !== undefined && { error_subcode: subcode }),
        fbtrace_id: `A${randomBytes(16).toString('base64url')}`,
      },
    }
  }
}

const numbered = (code: number, title: string, details: string): GraphError =>
  new GraphError({ code, message: `(#${code}) ${title}`, details })

/** 100: the request does not have the form of one. */
export const invalidParameter = (words: string): GraphError => new GraphError({ code: 100, message: `(#100) ${words}` })
export const parameterMissing = (details: string): GraphError =>
  numbered(131_008, 'Required parameter is missing', details)
export const parameterInvalid = (details: string): GraphError =>
  numbered(131_009, 'Parameter value is not valid', details)

export const unsupportedType = (): GraphError =>
  numbered(131_051, 'Unsupported message type', 'Message type is currently not supported.')

/** The message of error 131047. */
export const OUT_OF_WINDOW =
  'Message failed to send because more than 24 hours have passed since the customer last replied to this number.'

export const outOfWindow = (): GraphError => numbered(131_047, 'Re-engagement message', OUT_OF_WINDOW)

export const pairRateHit = (): GraphError =>
  numbered(
    131_056,
    '(Business Account, Consumer Account) pair rate limit hit',
    'Message failed to send because there were too many messages sent from this phone number to the same phone number in a short period of time.',
  )

export const throughputHit = (): GraphError =>
  new GraphError({
    http: 429,
    code: 130_429,
    message: '(#130429) Rate limit hit',
    details:
      'Message failed to send because there were too many messages sent from this phone number in a short period of time.',
  })

export const templateUnknown = (name: string, language: string): GraphError =>
  new GraphError({
    http: 404,
    code: 132_001,
    message: '(#132001) Template name does not exist in the translation',
    details: `template name (${name}) does not exist in ${language}`,
  })

export const templateParameters = (given: number, expected: number): GraphError =>
  numbered(
    132_000,
    'Number of parameters does not match the expected number of params',
    `body: number of localizable_params (${given}) does not match the expected number of params (${expected})`,
  )

export const tokenRefused = (): GraphError =>
  new GraphError({ http: 401, code: 190, message: 'Invalid OAuth access token - Cannot parse access token' })

export const somethingWrong = (): GraphError =>
  new GraphError({
    http: 500,
    code: 131_000,
    message: '(#131000) Something went wrong',
    details: 'Message failed to send due to an unknown error.',
  })

export const unavailable = (): GraphError =>
  new GraphError({
    http: 503,
    code: 131_016,
    message: '(#131016) Service unavailable',
    details: 'A service is temporarily unavailable.',
  })

export const unknownPath = (path: string): GraphError =>
  new GraphError({ code: 2_500, message: `Unknown path components: ${path}` })

/** The object of the address is not there, or belongs to someone else. */
export const unsupportedRequest = (method: string, id: string): GraphError =>
  new GraphError({
    code: 100,
    subcode: 33,
    type: 'GraphMethodException',
    message: `Unsupported ${method.toLowerCase()} request. Object with ID '${id}' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api`,
  })
