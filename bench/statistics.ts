/** The middle value, the mean of the two middle ones of an even number. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error('the median of nothing')
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] as number
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2
}

/** The smallest value that at least this part of the values does not exceed. */
export function quantile(values: readonly number[], part: number): number {
  const at = Math.max(0, Math.ceil(values.length * part) - 1)
  const value = values.toSorted((a, b) => a - b)[at]
  if (value === undefined) throw new Error('a quantile of nothing')
  return value
}

/** What was measured with the product and, in turn with it, bare. */
export interface Pairs<T> {
  readonly product: readonly T[]
  readonly bare: readonly T[]
}

/**
 * Measures two things in turn, so that noise of the machine hits both: A B, B A, A B … The first round of each warms up
 * and is dropped.
 */
export async function interleaved<T>(
  rounds: number,
  measure: { readonly product: () => Promise<T>; readonly bare: () => Promise<T> },
): Promise<Pairs<T>> {
  const product: T[] = []
  const bare: T[] = []
  const takeProduct = async () => void product.push(await measure.product())
  const takeBare = async () => void bare.push(await measure.bare())
  for (let round = 0; round <= rounds; round++)
    for (const take of round % 2 === 0 ? [takeProduct, takeBare] : [takeBare, takeProduct]) await take()
  return { product: product.slice(1), bare: bare.slice(1) }
}
