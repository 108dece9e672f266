import type { Answer } from '../webhook/local-server.ts'

/** Which product is played: GitHub (Enterprise) below `/api/v3`, Gitea (Forgejo) below `/api/v1`. */
export type ForgeKind = 'github' | 'gitea'

/** What is wrong with one field, as GitHub says it. */
export interface Fault422 {
  readonly resource: 'PullRequest' | 'Issue'
  readonly code: 'invalid' | 'missing_field' | 'custom'
  readonly field?: string
  readonly message?: string
}

/** A request the forge does not carry out, in its own words. */
export class Refusal extends Error {
  override readonly name = 'Refusal'

  constructor(
    readonly status: number,
    message: string,
    readonly errors?: readonly (Fault422 | string)[],
  ) {
    super(message)
  }
}

export const notFound = (kind: ForgeKind): Refusal =>
  new Refusal(404, kind === 'github' ? 'Not Found' : "The target couldn't be found.", kind === 'gitea' ? [] : undefined)

export const invalid = (...errors: readonly Fault422[]): Refusal => new Refusal(422, 'Validation Failed', errors)

/** The JSON a client gets for a refusal. */
export function problem(
  kind: ForgeKind,
  { status, message, errors }: Pick<Refusal, 'status' | 'message' | 'errors'>,
): Extract<Answer, { kind: 'answer' }> {
  const details = errors && { errors }
  const body =
    kind === 'github'
      ? { message, ...details, documentation_url: 'https://docs.github.com/rest', status: String(status) }
      : { ...details, message, url: 'http://127.0.0.1/api/swagger' }
  return { kind: 'answer', status, body }
}

/** A refusal of who asks too often; the same from every forge. */
export function limited(limit: {
  readonly status: 403 | 429
  readonly message: string
  readonly headers: Readonly<Record<string, string>>
}): Answer {
  return { ...problem('github', limit), headers: { 'content-type': 'application/json', ...limit.headers } }
}
