import { createHash } from 'node:crypto'
import { textOf } from './request.ts'
import type { EmbedRequest } from './validate.ts'

/** The models' own length; only vectors of this length have unit length, shorter ones are cut from it. */
const DIMENSIONS = 3_072
const SIGN_BIT = 0x8000

/** Words weigh far more than the noise that fills the places no word moves. */
const NOISE = 0.02

/**
 * The vector of a text: each distinct word moves 32 places that its hash names, so texts that share words are near each
 * other, in the same way in every process. Models have different spaces, as the real ones do.
 */
export function embed({ content, outputDimensionality = DIMENSIONS }: EmbedRequest, model: string): number[] {
  const text = textOf(content)
  const words = new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu))
  const values = noiseOf(`${model}\n${text}`)
  for (const word of words) {
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

/** Small numbers that belong to the text, by a linear congruential generator: real vectors have no zeros. */
function noiseOf(text: string): number[] {
  let state = createHash('sha256').update(text).digest().readUInt32BE()
  return Array.from({ length: DIMENSIONS }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return NOISE * (state / 2 ** 31 - 1)
  })
}
