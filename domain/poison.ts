import { POISON_FAILURES, POISON_LOSSES } from './limits.ts'

/** Seats a task lost at one step, in a row. */
export interface Losses {
  /** Where the work stood: the same text twice means that nothing was finished in between. */
  readonly step: string
  /** Seats whose builder was gone: it died, froze or was cut off. */
  readonly builders: number
  /** Seats whose builder lived and could not do the step, as while its database was away. */
  readonly failures: number
}

export const NO_LOSSES: Losses = { step: '', builders: 0, failures: 0 }

/** One loss more; at another step the count begins anew. */
export function countLoss(losses: Losses, loss: { readonly step: string; readonly builderGone: boolean }): Losses {
  const { builders, failures } = loss.step === losses.step ? losses : NO_LOSSES
  return loss.builderGone
    ? { step: loss.step, builders: builders + 1, failures }
    : { step: loss.step, builders, failures: failures + 1 }
}

/** Whether the step is at fault and not the builders or what they need: then the task is set aside. */
export function isPoison({ builders, failures }: Losses): boolean {
  return builders >= POISON_LOSSES || failures >= POISON_FAILURES
}

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 60_000

/** How long to wait for whatever a living builder missed before it is asked for again; a dead one is replaced at once. */
export function pauseAfter({ failures }: Losses): number {
  return failures < 2 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS)
}
