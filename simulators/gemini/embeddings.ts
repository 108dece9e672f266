import { createHash } from 'node:crypto'
import { textOf } from './request.ts'
import type { EmbedRequest } from './validate.ts'

/** The models' own length; only vectors of this length have unit length, shorter ones are cut from it. */
const DIMENSIONS = 3_072
const SIGN_BIT = 0x8000

/**
 * The vector of a text: each distinct word moves 32 places that its hash names, so texts that share words are near each
 * other, in the same way in every process. Models have different spaces, as the real ones do.
 */
export function embed({ content, outputDimensionality = DIMENSIONS }: EmbedRequest, model: string): number[] {
  const values = new Array<number>(DIMENSIONS).fill(0)
  for (const word of wordsOf(textOf(content))) {
    const digest = createHash('sha512').update(`${model}\n${word}`).digest()
    for (let offset = 0; offset < digest.length; offset += 2) {
      const bits = digest.readUInt16BE(offset)
      const place = (bits & (SIGN_BIT - 1)) % DIMENSIONS
      values[place] = (values[place] ?? 0) + (bits & SIGN_BIT ? -1 : 1)
    }
  }
  const length = Math.hypot(...values)
  return values.slice(0, outputDimensionality).map((entry) => Number((entry / length).toFixed(7)))
}

/** A text without any word still has a vector of its own. */
function wordsOf(text: string): ReadonlySet<string> {
  const words = new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu))
  return words.size > 0 ? words : new Set([`text:${text}`])
}
