/** What the service adds to an error so that the client can go on. */
export interface ResponseParameters {
  readonly retry_after?: number
  readonly migrate_to_chat_id?: number
}

/** A call the service does not carry out, in its own words. */
export class Refusal extends Error {
  override readonly name = 'Refusal'

  constructor(
    readonly code: number,
    description: string,
    readonly parameters?: ResponseParameters,
  ) {
    super(description)
  }

  /** The JSON the client gets. */
  get body(): object {
    const { code, message, parameters } = this
    return { ok: false, error_code: code, description: message, ...(parameters && { parameters }) }
  }
}

/** 400. The service writes its messages with a small first letter here, constants as they are. */
export function badRequest(message: string): Refusal {
  const isConstant = /^[A-Z][A-Z_]/.test(message)
  const words = isConstant ? message : message.charAt(0).toLowerCase() + message.slice(1)
  return new Refusal(400, `Bad Request: ${words}`)
}

export const unauthorized = (): Refusal => new Refusal(401, 'Unauthorized')
export const forbidden = (why: string): Refusal => new Refusal(403, `Forbidden: ${why}`)
export const conflict = (why: string): Refusal => new Refusal(409, `Conflict: ${why}`)

export const tooManyRequests = (seconds: number): Refusal =>
  new Refusal(429, `Too Many Requests: retry after ${seconds}`, { retry_after: seconds })

export const migrated = (to: number): Refusal =>
  new Refusal(400, 'Bad Request: group chat was upgraded to a supergroup chat', { migrate_to_chat_id: to })
