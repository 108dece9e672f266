import { globMatcher } from '../../domain/glob.ts'

/** A path whose content differs between two trees, and what the first has there; all zeros when it has nothing. */
export interface TreeChange {
  readonly mode: string
  readonly id: string
  /** One character per byte: names need not be text, and must come back as they were. */
  readonly path: string
}

const ABSENT = '000000'

/**
 * The changes from the base that must be undone. Below `strict` patterns those are all; below `defaults` files that
 * were added stay.
 */
export function forbidden(
  changes: readonly TreeChange[],
  patterns: { readonly strict: readonly string[]; readonly defaults: readonly string[] },
): readonly TreeChange[] {
  const isStrict = protectedBy(patterns.strict)
  const isDefault = protectedBy(patterns.defaults)
  return changes.filter(({ mode, path }) => {
    const text = Buffer.from(path, 'latin1').toString('utf8')
    return isStrict(text) || (mode !== ABSENT && isDefault(text))
  })
}

/** A pattern protects what it names and everything below it. */
export function protectedBy(patterns: readonly string[]): (path: string) => boolean {
  const plain = patterns.map((pattern) => pattern.replace(/^(\.\/)+/, '').replace(/\/+$/, '') || '**')
  const matchers = plain.map((pattern) => globMatcher(`${pattern}/**`))
  return (path) => matchers.some((matches) => matches(path))
}
