/** A repository people may name in a chat. */
export interface NamedRepository {
  readonly name: string
  readonly keywords?: readonly string[] | undefined
}

/** Which repository a new task is about. */
export type RepositoryChoice =
  | { readonly type: 'chosen'; readonly name: string }
  | { readonly type: 'none' }
  | { readonly type: 'ask'; readonly names: readonly string[] }

/**
 * Only one → named in the text → the conversation's own → by a keyword → ask. Between two it is never guessed.
 */
export function chooseRepository(
  text: string,
  { known, usual }: { readonly known: readonly NamedRepository[]; readonly usual?: string | undefined },
): RepositoryChoice {
  const names = known.map(({ name }) => name)
  // A URL was chosen by hand; there is no name to find it by.
  if (usual?.includes(':')) return { type: 'chosen', name: usual }
  const [only] = names
  if (only !== undefined && names.length === 1) return { type: 'chosen', name: only }
  const named = names.filter((name) => says(text, name))
  if (named.length === 1) return { type: 'chosen', name: named[0] as string }
  if (named.length > 1) return { type: 'ask', names: named }
  if (usual !== undefined) return { type: 'chosen', name: usual }
  if (names.length === 0) return { type: 'none' }
  const hinted = known.filter(({ keywords = [] }) => keywords.some((word) => says(text, word))).map(({ name }) => name)
  if (hinted.length === 1) return { type: 'chosen', name: hinted[0] as string }
  return { type: 'ask', names: hinted.length > 1 ? hinted : names }
}

/** Whether a word stands in the text as a whole, whatever its case. */
function says(text: string, word: string): boolean {
  const escaped = word.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  return word !== '' && new RegExp(`(^|[^\\w-])${escaped}($|[^\\w-])`, 'iu').test(text)
}
