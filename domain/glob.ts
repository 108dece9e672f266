import { GatewayError } from './errors.ts'

/** Longer, or standing for more than this, a pattern is no pattern any more. */
const MAX_LENGTH = 2_048
const MAX_ALTERNATIVES = 256

/**
 * Whether a path fits a glob: `*`, `?`, `[a-z]`, `{a,b}`, and `**` for any number of folders. Hidden names count like
 * others. It takes time in proportion to both lengths, whatever they hold: patterns are a requester's or a model's,
 * names the repository's, and a regular expression made of the one could be kept busy for hours by the other. Throws
 * `invalid_request` for a pattern that is too long or stands for too many others.
 */
export function globMatcher(glob: string): (path: string) => boolean {
  if (glob.length > MAX_LENGTH)
    throw new GatewayError('invalid_request', `The pattern is longer than ${MAX_LENGTH} characters.`)
  const patterns = alternatives(glob).map((pattern) => pattern.split('/').map(segmentOf))
  return (path) => {
    const names = path.split('/')
    return patterns.some((segments) => matches(segments, names, isSegment))
  }
}

/** One character of a name: which ones fit, or any number of them. */
type Token = 'star' | ((character: string) => boolean)
/** One name of a path: any number of them, one that fits, or this very one. */
type Segment = 'star' | readonly Token[] | { readonly name: string }
const WILD = /[*?[\\]/

const isCharacter = (token: Token, character: string): boolean => token !== 'star' && token(character)
function isSegment(segment: Segment, name: string): boolean {
  if (segment === 'star') return false
  return 'name' in segment ? segment.name === name : matches(segment, Array.from(name), isCharacter)
}

/** When nothing fits any more the last star takes one item more: an earlier one would give nothing new. */
function matches<Pattern, Item>(
  pattern: readonly (Pattern | 'star')[],
  items: readonly Item[],
  fits: (pattern: Pattern, item: Item) => boolean,
): boolean {
  let place = 0
  let star = { place: -1, index: 0 }
  for (let index = 0; index < items.length;) {
    const wanted = pattern[place]
    if (wanted === 'star') star = { place: place++, index }
    else if (wanted !== undefined && fits(wanted, items[index] as Item)) {
      place++
      index++
    } else if (star.place >= 0) {
      star = { ...star, index: star.index + 1 }
      place = star.place + 1
      index = star.index
    } else return false
  }
  return pattern.slice(place).every((rest) => rest === 'star')
}

function segmentOf(segment: string): Segment {
  if (segment === '**') return 'star'
  if (!WILD.test(segment)) return { name: segment }
  const characters = Array.from(segment)
  const tokens: Token[] = []
  for (let index = 0; index < characters.length; index++) {
    const character = characters[index] as string
    const end = character === '[' ? characters.indexOf(']', index + 2) : -1
    if (end > 0) {
      tokens.push(setOf(characters.slice(index + 1, end)))
      index = end
    } else if (character === '*') tokens.push('star')
    else if (character === '?') tokens.push(() => true)
    else if (character === '\\') tokens.push(only(characters[++index] ?? character))
    else tokens.push(only(character))
  }
  return tokens
}

const only =
  (wanted: string): Token =>
  (character) =>
    character === wanted

/** What stands between brackets: characters and ranges, all others after `!` or `^`. */
function setOf(set: readonly string[]): Token {
  const isNegated = set[0] === '!' || set[0] === '^'
  const ranges: (readonly [string, string])[] = []
  for (let index = isNegated ? 1 : 0; index < set.length; index++) {
    const first = set[index] as string
    const last = set[index + 1] === '-' ? set[index + 2] : undefined
    ranges.push([first, last ?? first])
    if (last !== undefined) index += 2
  }
  return (character) => ranges.some(([first, last]) => first <= character && character <= last) !== isNegated
}

/** The patterns that groups in braces stand for. */
function alternatives(glob: string): readonly string[] {
  let patterns: readonly string[] = [glob]
  for (;;) {
    const expanded = patterns.flatMap(withFirstGroupExpanded)
    if (expanded.length > MAX_ALTERNATIVES)
      throw new GatewayError('invalid_request', `The pattern stands for more than ${MAX_ALTERNATIVES} others.`)
    if (expanded.length === patterns.length) return expanded
    patterns = expanded
  }
}

function withFirstGroupExpanded(pattern: string): readonly string[] {
  for (let start = pattern.indexOf('{'); start >= 0; start = pattern.indexOf('{', start + 1)) {
    const marks = marksOf(pattern, start)
    if (pattern[start - 1] === '\\' || marks.length < 3) continue
    const [before, after] = [pattern.slice(0, start), pattern.slice((marks.at(-1) as number) + 1)]
    return marks.slice(1).map((mark, index) => before + pattern.slice((marks[index] as number) + 1, mark) + after)
  }
  return [pattern]
}

/** Places of a group's opening brace, its commas and its closing brace; empty when it is not closed. */
function marksOf(pattern: string, start: number): readonly number[] {
  const marks: number[] = [start]
  for (let index = start + 1, depth = 0; index < pattern.length; index++) {
    if (pattern[index] === '\\') index++
    else if (pattern[index] === '{') depth++
    else if (pattern[index] === ',' && depth === 0) marks.push(index)
    else if (pattern[index] === '}' && depth-- === 0) return [...marks, index]
  }
  return []
}
