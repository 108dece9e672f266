import { growthsOf } from '../memory-growth.ts'
import type { Oracle } from './oracle.ts'

const LIMIT_BYTES = 2 ** 20

/** Whatever is kept for ever is kept of every task. Only a run of the tier `soak` lasts long enough to tell. */
export const memoryLevel: Oracle = {
  name: 'memory-level',
  promise: 'no process grows by more than 1 MB a minute once it is warm',
  violations: ({ memory }) =>
    growthsOf(memory)
      .filter(({ bytesAMinute }) => bytesAMinute > LIMIT_BYTES)
      .map(({ process, bytesAMinute }) => `${process} grew by ${(bytesAMinute / LIMIT_BYTES).toFixed(1)} MB a minute`),
}
