import type { TokenUsage } from './conversation.ts'

/** US dollars per million tokens of one model in one period. Thinking is billed as output. */
export interface Price {
  readonly model: string
  readonly input: number
  readonly output: number
  readonly cached: number
  /** Prompt size in tokens above which the `long` prices hold. */
  readonly longFrom?: number
  readonly longInput?: number
  readonly longOutput?: number
  /** First day (UTC, YYYY-MM-DD) the price holds. */
  readonly validFrom: string
}

/** Published list prices. A change of price is a new row with its first day, never an edit. */
export const PRICES: readonly Price[] = [
  {
    model: 'gemini-3.1-pro-preview',
    input: 2,
    output: 12,
    cached: 0.2,
    longFrom: 200_000,
    longInput: 4,
    longOutput: 18,
    validFrom: '2026-03-09',
  },
  { model: 'gemini-3.8-flash', input: 0.75, output: 3.75, cached: 0.075, validFrom: '2026-08-01' },
  { model: 'gemini-3.8-flash', input: 1.5, output: 7.5, cached: 0.15, validFrom: '2027-01-01' },
  { model: 'gemini-3.5-flash', input: 1.5, output: 9, cached: 0.15, validFrom: '2026-05-01' },
  { model: 'gemini-3.5-flash-lite', input: 0.3, output: 2.5, cached: 0.03, validFrom: '2026-05-01' },
  { model: 'gemini-4-argon', input: 2, output: 10, cached: 0.1, validFrom: '2026-10-01' },
  { model: 'gemini-4-argon', input: 4, output: 20, cached: 0.2, validFrom: '2026-12-01' },
  { model: 'gemini-4-neon', input: 3, output: 15, cached: 0.15, validFrom: '2026-11-18' },
]

/** The dearest list price: a model nobody priced must not look free to a budget. */
const UNKNOWN_MODEL: Price = { model: '', input: 4, output: 20, cached: 4, validFrom: '1970-01-01' }

/** The price of a model on a day (RFC 3339 or YYYY-MM-DD); the longest matching model name wins. */
export function priceOf(model: string, at: string): Price {
  const day = at.slice(0, 10)
  const candidates = PRICES.filter((price) => model.startsWith(price.model) && price.validFrom <= day)
  const best = candidates.toSorted(
    (a, b) => b.model.length - a.model.length || b.validFrom.localeCompare(a.validFrom),
  )[0]
  return best ?? PRICES.find((price) => model.startsWith(price.model)) ?? UNKNOWN_MODEL
}

/** What one answered call costs in US dollars. */
export function costOf(call: { readonly model: string; readonly usage: TokenUsage; readonly at: string }): number {
  const price = priceOf(call.model, call.at)
  const { inputTokens, cachedTokens, outputTokens, thoughtTokens } = call.usage
  const long = price.longFrom !== undefined && inputTokens > price.longFrom
  const input = long ? (price.longInput ?? price.input) : price.input
  const output = long ? (price.longOutput ?? price.output) : price.output
  const fresh = Math.max(0, inputTokens - cachedTokens)
  return (fresh * input + cachedTokens * price.cached + (outputTokens + thoughtTokens) * output) / 1_000_000
}
