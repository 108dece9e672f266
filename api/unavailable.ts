import { GatewayError } from '../domain/errors.ts'

/** A socket that broke or was never opened; PostgreSQL out of connections, starting or stopping. */
const CODES = /^(E(CONN(REFUSED|RESET)|PIPE|TIMEDOUT|NOTFOUND|AI_AGAIN|HOSTUNREACH)|08...|53...|57P0[1-5])$/
/** The driver's own failures carry no code. */
const MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/
/** gRPC: deadline exceeded, resource exhausted, unavailable. */
const GRPC_CODES: readonly unknown[] = [4, 8, 14]

/** The refusal to give when a service behind the API is away for now; undefined for any other failure. */
export function unavailableOf(error: unknown): GatewayError | undefined {
  if (!isAway(error)) return undefined
  const message = 'A service behind the gateway does not answer; /readyz names it. Try again in a moment.'
  return new GatewayError('unavailable', message, { retryable: true, cause: error })
}

function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code } = error as { readonly code?: unknown }
  if (typeof code === 'string' ? CODES.test(code) : GRPC_CODES.includes(code)) return true
  if (MESSAGES.test(error.message)) return true
  return error instanceof AggregateError ? error.errors.some(isAway) : isAway(error.cause)
}
