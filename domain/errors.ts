/** Every failure the gateway names. A code is stable: clients and tests may branch on it. */
export type ErrorCode =
  // bad input, refused before anything happens
  | 'invalid_request'
  | 'invalid_json'
  | 'malformed_request'
  | 'headers_too_large'
  | 'request_timeout'
  | 'unsupported_media_type'
  | 'body_too_large'
  | 'invalid_cursor'
  | 'repository_not_allowed'
  | 'callback_not_allowed'
  | 'idempotency_key_reused'
  // who may do what
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'method_not_allowed'
  | 'rate_limited'
  | 'conflict'
  | 'unavailable'
  // why a task ended `failed`
  | 'model_not_configured'
  | 'model_refused_key'
  | 'model_rejected_request'
  | 'model_overloaded'
  | 'model_quota_exhausted'
  | 'model_blocked'
  | 'model_malformed'
  | 'model_unavailable'
  | 'repository_not_found'
  | 'repository_unreachable'
  | 'sandbox_unavailable'
  | 'setup_failed'
  | 'workspace_too_large'
  | 'workspace_refused'
  | 'max_turns'
  | 'verification_failed'
  | 'poison_task'
  | 'terminated'
  | 'expired'
  | 'internal'
  // why there is no pull request; the task is `completed` all the same
  | 'forge_unreachable'
  | 'forge_refused'
  // inside the gateway
  | 'seat_lost'
  | 'configuration_invalid'
  | 'temporal_not_found'
  | 'temporal_unreachable'
  | 'database_unreachable'
  | 'postgres_not_found'
  | 'port_in_use'
  | 'already_running'
  // clients of the gateway
  | 'gateway_unreachable'
  | 'receipt_invalid'

/** The wire form of a failure: what a caller, a task record or a workflow failure carries. */
export interface Failure {
  readonly code: ErrorCode
  readonly message: string
  readonly retryable: boolean
}

/** A failure with a code. The message says what happened, why, and what to do next. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code: ErrorCode
  /** Whether the same request may succeed later without a change. */
  readonly retryable: boolean
  /** How long to wait before trying again, in milliseconds, when the other side said so. */
  readonly retryAfterMs?: number

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly retryable?: boolean; readonly retryAfterMs?: number; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? false
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs
  }
}
