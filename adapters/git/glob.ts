import { expand } from 'brace-expansion'

/** A pattern that means more than this many paths protects nothing anybody could oversee. */
const MAX_ALTERNATIVES = 1_000

/**
 * Whether a path matches a glob: `*` and `?` within a name, `**` across folders, `[a-z]`, `{a,b}`. Takes time in
 * proportion to path times pattern, whatever both hold: a pattern comes from a requester, a path from a model.
 */
export function globMatcher(pattern: string): (path: string) => boolean {
  const alternatives = expand(pattern, { max: MAX_ALTERNATIVES }).map((glob) => glob.split('/').map(nameMatcher))
  return (path) => {
    const names = path.split('/')
    return alternatives.some((matchers) => matchAll(matchers, names, (matches, name) => matches(name)))
  }
}

type NameMatcher = ((name: string) => boolean) | typeof ANY
/** In a row of matchers: any number of items, also none. */
const ANY = Symbol('any number')

function nameMatcher(glob: string): NameMatcher {
  if (glob === '**') return ANY
  const parts = [...glob.matchAll(/\*+|\?|\[!?\]?[^\]]*\]|\\?./gsu)].map(([text]) => characterMatcher(text))
  return (name) => matchAll(parts, [...name], (matches, character) => matches(character))
}

function characterMatcher(text: string): ((character: string) => boolean) | typeof ANY {
  if (text.startsWith('*')) return ANY
  if (text === '?') return () => true
  if (text.startsWith('[') && text.length > 2) return classMatcher(text.slice(1, -1))
  const literal = text.length > 1 && text.startsWith('\\') ? text.slice(1) : text
  return (character) => character === literal
}

/** The inside of `[…]`: characters and ranges, turned around by a leading `!` or `^`. */
function classMatcher(inside: string): (character: string) => boolean {
  const negated = /^[!^]/.test(inside)
  const ranges = [...inside.slice(negated ? 1 : 0).matchAll(/(.)-(.)|(.)/gsu)]
  return (character) =>
    negated !==
    ranges.some(
      ([, from, to, single]) =>
        (single ?? '') === character || (from !== undefined && from <= character && character <= (to ?? '')),
    )
}

/** Whether matchers cover items in order. Only the last `ANY` is ever tried again: no more is needed. */
function matchAll<Matcher, Item>(
  matchers: readonly (Matcher | typeof ANY)[],
  items: readonly Item[],
  isMatch: (matcher: Matcher, item: Item) => boolean,
): boolean {
  let at = 0
  let item = 0
  let retry: { readonly at: number; item: number } | undefined
  while (item < items.length) {
    const matcher = matchers[at]
    if (matcher === ANY) retry = { at: ++at, item }
    else if (at < matchers.length && isMatch(matcher as Matcher, items[item] as Item)) {
      at++
      item++
    } else if (retry) {
      at = retry.at
      item = ++retry.item
    } else return false
  }
  return matchers.slice(at).every((matcher) => matcher === ANY)
}
