import picomatch from 'picomatch'

/** One entry of a tree. */
export interface TreeEntry {
  readonly mode: string
  readonly id: string
  readonly path: string
}

/**
 * Index lines that put protected paths of `snapshot` back to what they are in `base`. Below `strict` patterns files
 * that were added are removed; below `defaults` they stay.
 */
export function restoration(trees: {
  readonly base: readonly TreeEntry[]
  readonly snapshot: readonly TreeEntry[]
  readonly strict: readonly string[]
  readonly defaults: readonly string[]
}): { readonly removed: readonly string[]; readonly restored: readonly TreeEntry[] } {
  const isStrict = matcher(trees.strict)
  const isDefault = matcher(trees.defaults)
  const before = new Map(trees.base.map((entry) => [entry.path, entry]))
  const now = new Map(trees.snapshot.map((entry) => [entry.path, entry]))
  const restored = trees.base.filter((entry) => {
    const current = now.get(entry.path)
    const changed = current?.id !== entry.id || current.mode !== entry.mode
    return changed && (isStrict(entry.path) || isDefault(entry.path))
  })
  const removed = trees.snapshot.map(({ path }) => path).filter((path) => !before.has(path) && isStrict(path))
  return { removed, restored }
}

/** A pattern protects what it names and everything below it. */
function matcher(patterns: readonly string[]): (path: string) => boolean {
  if (patterns.length === 0) return () => false
  const matches = picomatch(
    patterns.map((pattern) => pattern.replace(/^(\.\/)+/, '').replace(/\/+$/, '')),
    { dot: true },
  )
  return (path) => {
    const segments = path.split('/')
    return segments.some((_, index) => matches(segments.slice(0, index + 1).join('/')))
  }
}
