import { GatewayError } from '../../domain/errors.ts'
import { credentialFault, secretOf } from '../credential-file.ts'
import { ownerAndName, type KnownRepository } from '../../domain/schemas/known-repositories.ts'

/** Forges answer within seconds; who waits longer than this is not answered. */
const ANSWER_LIMIT_MS = 30_000

/** A repository as its forge's API knows it. */
export interface ForgeRepository {
  readonly type: 'github' | 'gitea'
  /** Root of the REST API, without a slash at its end. */
  readonly apiUrl: string
  readonly owner: string
  readonly name: string
  readonly token: string
}

export interface ForgeAnswer {
  readonly status: number
  readonly headers: Headers
  /** Parsed JSON; undefined when it was none. */
  readonly body: unknown
}

/** The forge of a known repository, with its token read. Throws `forge_refused` when it has none that could be used. */
export function forgeRepositoryOf(known: KnownRepository | undefined): ForgeRepository {
  const place = known && ownerAndName(known.url)
  const secret = secretOf(known, 'forge_refused')
  if (!known?.forge || !place || secret === undefined)
    throw new GatewayError('forge_refused', 'No forge is configured for the repository. Add it in REPOSITORIES_FILE.')
  // The token alone, or the password of `user:password`.
  const token = secret.replace(/^[^:]*:/, '')
  // Whatever else a header cannot carry: the platform's own refusal would quote the token.
  if (!/^[\x21-\x7e]+$/.test(token)) throw credentialFault(known, { code: 'forge_refused', what: 'holds no token' })
  return { ...known.forge, ...place, token }
}

/** One request below the repository. Throws `forge_unreachable` when there is no answer; nobody knows what was done. */
export async function askForge(
  repository: ForgeRepository,
  request: { readonly path?: string; readonly body?: object; readonly signal?: AbortSignal | undefined },
): Promise<ForgeAnswer> {
  const { apiUrl, owner, name, token } = repository
  const { path = '', body, signal } = request
  const limit = AbortSignal.timeout(ANSWER_LIMIT_MS)
  try {
    const response = await fetch(`${apiUrl}/repos/${owner}/${name}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        accept: 'application/vnd.github+json, application/json',
        authorization: `Bearer ${token}`,
        'user-agent': 'openclaw-enterprise-gateway',
        'x-github-api-version': '2022-11-28',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      // Git follows none either: a repository that moved is named anew by the operator.
      redirect: 'manual',
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    })
    return { status: response.status, headers: response.headers, body: parsed(await response.text()) }
  } catch (error) {
    signal?.throwIfAborted()
    throw new GatewayError('forge_unreachable', `The forge at ${apiUrl} did not answer (${reasonOf(error)}).`, {
      retryable: true,
    })
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Codes and names only: messages of the platform may quote what was sent. */
function reasonOf(error: unknown): string {
  const { name, cause } = error as Error
  const { code } = (cause ?? {}) as { readonly code?: unknown }
  return typeof code === 'string' ? code : name
}
