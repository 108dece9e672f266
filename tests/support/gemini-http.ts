import type { GeminiSimulator } from '../../simulators/gemini/server.ts'

export const PRO = 'gemini-3.1-pro-preview'

/** What came back over plain HTTP. */
export interface Answer {
  readonly http: number
  readonly message: string
  readonly status: string
  readonly details: readonly Record<string, unknown>[]
  readonly body: Record<string, unknown>
}

/** Sends a body as it is to a verb of a model, past every client that would correct it. */
export async function post(
  simulator: Pick<GeminiSimulator, 'url'>,
  body: unknown,
  to: string = `${PRO}:generateContent`,
): Promise<Answer> {
  const path = to.startsWith('/') ? to : `/v1beta/models/${to}`
  const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
  const response = await fetch(`${simulator.url}${path}`, {
    method: 'POST',
    headers: { 'x-goog-api-key': 'key' },
    body: text,
  })
  const parsed = (await response.json()) as Record<string, unknown>
  const { message = '', status = '', details = [] } = (parsed['error'] ?? {}) as Partial<Omit<Answer, 'http' | 'body'>>
  return { http: response.status, message, status, details, body: parsed }
}

export const user = (...parts: readonly object[]) => ({ role: 'user', parts })
export const model = (...parts: readonly object[]) => ({ role: 'model', parts })
export const text = (words: string) => ({ text: words })
export const functionCall = (name: string, id = 'c1', args = {}) => ({ functionCall: { id, name, args } })
export const functionResponse = (name: string, id = 'c1', response = {}) => ({
  functionResponse: { id, name, response },
})
/** A request of one user content, with more fields. */
export const hello = (more: object = {}) => ({ contents: [user(text('hello'))], ...more })

/** A line of the service's validator. */
export const line = (words: string) => `* GenerateContentRequest.${words}\n`

/** The refusal of a body; throws when the ledger does not tell the same and where it is wrong. */
export async function refusalOf(simulator: GeminiSimulator, body: unknown, to?: string) {
  const { http, status, message } = await post(simulator, body, to)
  const noted = simulator.ledger.at(-1)
  if (noted?.status !== http || !noted.refusal?.startsWith(message) || noted.inputTokens > 0)
    throw new Error(`answered ${http} ${message}, noted ${JSON.stringify(noted)}`)
  return { http, status, message }
}
