import type { Edition } from './request.ts'

const VERBS = ['generateContent', 'streamGenerateContent', 'countTokens', 'embedContent', 'batchEmbedContents'] as const

type Verb = (typeof VERBS)[number]

/** A request to a verb of a model. */
export interface VerbRoute {
  readonly kind: 'verb'
  readonly edition: Edition
  readonly model: string
  readonly verb: Verb
  /** Whether a stream comes as server-sent events. */
  readonly sse: boolean
}

/** Where a request goes: to a model, or to the list of models or one entry of it. */
type Route = VerbRoute | { readonly kind: 'models'; readonly edition: 'gemini'; readonly model?: string }

const GEMINI_VERB = /^\/v1(?:beta|alpha)?\/models\/([^/:]+):(\w+)$/
/** Without project and location for Vertex keys, as the client sends them. */
const VERTEX_VERB =
  /^\/v1(?:beta1)?\/(?:projects\/[^/]+\/locations\/[^/]+\/)?publishers\/google\/models\/([^/:]+):(\w+)$/
const MODELS = /^\/v1(?:beta|alpha)?\/models(?:\/([^/:]+))?$/

/** Reads method and URL of a request; undefined for what the service does not have. */
export function routeOf(method: string, url: string): Route | undefined {
  if (!URL.canParse(url, 'http://localhost')) return undefined
  const { pathname, searchParams } = new URL(url, 'http://localhost')
  const path = decodePath(pathname)
  if (method === 'GET') {
    const [found, model] = MODELS.exec(path) ?? []
    return found === undefined
      ? undefined
      : { kind: 'models', edition: 'gemini', ...(model !== undefined && { model }) }
  }
  if (method !== 'POST') return undefined
  for (const [edition, pattern] of [
    ['gemini', GEMINI_VERB],
    ['vertex', VERTEX_VERB],
  ] as const) {
    const [, model, name] = pattern.exec(path) ?? []
    const verb = VERBS.find((known) => known === name)
    if (model !== undefined && verb)
      return { kind: 'verb', edition, model, verb, sse: searchParams.get('alt') === 'sse' }
  }
  return undefined
}

/** Clients escape the colon now and then. A path that cannot be decoded is simply not found. */
function decodePath(pathname: string): string {
  try {
    return decodeURIComponent(pathname)
  } catch {
    return pathname
  }
}
