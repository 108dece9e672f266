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

/**
 * Measures several things in turn, so that noise of the machine hits all of them: A B, B A, A B … The first round of
 * each warms up and is dropped.
 */
export async function interleaved<T, Side extends string>(
  rounds: number,
  measure: Readonly<Record<Side, () => Promise<T>>>,
): Promise<Readonly<Record<Side, readonly T[]>>> {
  const sides = Object.keys(measure) as Side[]
  const measured = Object.fromEntries(sides.map((side) => [side, [] as T[]])) as Record<Side, T[]>
  for (let round = 0; round <= rounds; round++)
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) measured[side].push(await measure[side]())
  for (const side of sides) measured[side].shift()
  return measured
}
