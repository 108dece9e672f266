import type { MemoryOfProcess } from './observations.ts'

const MINUTE_MS = 60_000
/** Until then caches fill, code is compiled and the heap finds its size. */
const WARM_AFTER_MS = 4 * MINUTE_MS
/** A slope over less says more of the last collection of garbage than of anything else. */
const MEASURED_MS = 4 * MINUTE_MS

export interface Growth {
  readonly process: string
  readonly bytesAMinute: number
}

/** How fast those processes grew, once they were warm, that lived long enough to tell. */
export function growthsOf(memory: readonly MemoryOfProcess[]): readonly Growth[] {
  return memory.flatMap(({ process, samples }) => {
    const [began = 0] = samples[0] ?? []
    const warm = samples.filter(([at]) => at - began >= WARM_AFTER_MS)
    const lasted = (warm.at(-1)?.[0] ?? 0) - (warm[0]?.[0] ?? 0)
    return lasted < MEASURED_MS ? [] : [{ process, bytesAMinute: slopeOf(warm) * MINUTE_MS }]
  })
}

/** Bytes a millisecond, by least squares. */
function slopeOf(samples: MemoryOfProcess['samples']): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [at, bytes] = [mean(samples.map(([x]) => x)), mean(samples.map(([, y]) => y))]
  const together = mean(samples.map(([x, y]) => (x - at) * (y - bytes)))
  return together / mean(samples.map(([x]) => (x - at) ** 2))
}
