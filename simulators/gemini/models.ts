/** What the rules depend on, read from a model's name. */
export interface ModelTraits {
  readonly name: string
  /** Model generation: 2 for 2.5, 3 for 3.x and the `latest` aliases, 4. */
  readonly generation: 2 | 3 | 4
  readonly embeds: boolean
  /** From how many shared prompt tokens on the implicit cache takes part. */
  readonly cacheFromTokens: number
}

const EMBEDDING = /^gemini-embedding-(001|2)(-|$)/
const GENERATIONS: readonly { pattern: RegExp; generation: 2 | 3 | 4 }[] = [
  { pattern: /^gemini-2\.5-/, generation: 2 },
  { pattern: /^gemini-3(\.\d)?-|^gemini-(pro|flash|flash-lite)-latest$/, generation: 3 },
  { pattern: /^gemini-4-/, generation: 4 },
]
/** Shut down in March 2026, although its family is served. */
const RETIRED = new Set(['gemini-3-pro-preview'])
/** Gemini 4 caches from 6,144 tokens on, the others from 1,024. */
const CACHE_FROM_TOKENS = { 2: 1_024, 3: 1_024, 4: 6_144 } as const

/** The traits of a model, or undefined for a name the service does not serve (any more). */
export function traitsOf(name: string): ModelTraits | undefined {
  if (EMBEDDING.test(name)) return { name, generation: 3, embeds: true, cacheFromTokens: Infinity }
  if (RETIRED.has(name)) return undefined
  const generation = GENERATIONS.find(({ pattern }) => pattern.test(name))?.generation
  return generation && { name, generation, embeds: false, cacheFromTokens: CACHE_FROM_TOKENS[generation] }
}

/** The models that `models.list` names. Others of the same families are served too. */
const LISTED = [
  'gemini-2.5-pro',
  'gemini-2.5-flash',
  'gemini-3.1-pro-preview',
  'gemini-3.5-flash',
  'gemini-3.5-flash-lite',
  'gemini-3.8-flash',
  'gemini-4-argon',
  'gemini-4-carbon',
  'gemini-4-neon',
  'gemini-pro-latest',
  'gemini-flash-latest',
  'gemini-embedding-001',
  'gemini-embedding-2',
]

/** The resource of `models.get`. */
export const modelResource = ({ name, embeds }: ModelTraits): Record<string, unknown> => ({
  name: `models/${name}`,
  version: '001',
  displayName: name,
  inputTokenLimit: embeds ? 2_048 : 1_048_576,
  outputTokenLimit: embeds ? 1 : 65_536,
  supportedGenerationMethods: embeds ? ['embedContent', 'batchEmbedContents'] : ['generateContent', 'countTokens'],
})

/** The answer of `models.list`, on one page. */
export const modelList = (): Record<string, unknown> => ({
  models: LISTED.flatMap((name) => traitsOf(name) ?? []).map(modelResource),
})
