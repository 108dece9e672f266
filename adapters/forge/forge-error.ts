import { GatewayError } from '../../domain/errors.ts'
import type { ForgeAnswer, ForgeRepository } from './forge-request.ts'

/** GitHub's own advice where it names no time. */
const UNNAMED_WAIT_MS = 60_000
/** The task and its seat wait meanwhile; what takes longer is left to people. */
const LONGEST_WAIT_MS = 2 * 60_000
const MAX_SAID = 300

/** What an answer that is not the one hoped for says, by whether trying again may help. */
export function forgeError(answer: ForgeAnswer, repository: ForgeRepository): GatewayError {
  const { status } = answer
  const { apiUrl, owner, name } = repository
  const what = `The forge at ${apiUrl} answered ${status} for ${owner}/${name} (${saidIn(answer, repository)}).`
  const wait = waitOf(answer)
  if (wait !== undefined) {
    const seconds = Math.ceil(wait / 1_000)
    return new GatewayError('forge_unreachable', `${what} It asks to wait ${seconds} s; open the pull request then.`, {
      retryable: wait <= LONGEST_WAIT_MS,
      retryAfterMs: wait,
    })
  }
  if (status >= 500) return new GatewayError('forge_unreachable', what, { retryable: true })
  return new GatewayError('forge_refused', `${what} ${adviceFor(status)}`)
}

function adviceFor(status: number): string {
  if (status === 401) return 'Put a valid token into the credentialFile of REPOSITORIES_FILE.'
  if (status === 403 || status === 404)
    return 'Give the token the right to read and open pull requests, or correct url and apiUrl in REPOSITORIES_FILE.'
  if (status >= 300 && status < 400) return 'It moved: correct url and apiUrl in REPOSITORIES_FILE.'
  return 'Open the pull request by hand; the ref the task started from must be a branch.'
}

/** Milliseconds a limited client has to wait; undefined when it is not limited. */
function waitOf({ status, headers, body }: ForgeAnswer): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  if (seconds >= 0 && (status === 429 || status === 403 || status === 503)) return seconds * 1_000
  if (status !== 429 && status !== 403) return undefined
  if (headers.get('x-ratelimit-remaining') === '0')
    return Math.max(1_000, Number(headers.get('x-ratelimit-reset')) * 1_000 - Date.now())
  return status === 429 || /rate limit/i.test(messageIn(body)) ? UNNAMED_WAIT_MS : undefined
}

interface Problem {
  readonly message?: unknown
  readonly errors?: unknown
}

function messageIn(body: unknown): string {
  const { message } = (body ?? {}) as Problem
  return typeof message === 'string' ? message : ''
}

/** The forge's words, without the token should it quote it. */
export function saidIn({ body }: Pick<ForgeAnswer, 'body'>, { token }: Pick<ForgeRepository, 'token'>): string {
  const { errors } = (body ?? {}) as Problem
  const details = Array.isArray(errors) ? errors.map(detailOf) : []
  const said = [messageIn(body), ...details].filter(Boolean).join(': ')
  return (said || 'no usable answer').replaceAll(token, '…').replace(/\s+/g, ' ').slice(0, MAX_SAID)
}

/** `{message}`, or only `{field, code}`. */
function detailOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error)
  const { message, field, code } = error as Readonly<Record<string, unknown>>
  return typeof message === 'string' ? message : [field, code].filter((part) => typeof part === 'string').join(' ')
}
