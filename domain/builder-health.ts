/** Loading the programs and the first connection to Temporal take seconds, also on a busy machine. */
export const START_LIMIT_MS = 2 * 60_000

/** The first pause of a line of restarts, and the longest. */
const PAUSES_MS = { first: 500, longest: 30_000 } as const

/** A builder as its supervisor sees it at a health check. */
export interface BuilderCheck {
  readonly stage: 'starting' | 'working' | 'draining'
  readonly ageMs: number
  /** What it answered; undefined when it did not in time. */
  readonly answer?: { readonly polling: boolean; readonly reachesTemporal: boolean } | undefined
  /** Whether the supervisor itself reaches Temporal. */
  readonly serverAnswers: boolean
}

/** Why a builder is to be replaced; undefined when nothing is wrong with it. */
export function faultOf({ stage, ageMs, answer, serverAnswers }: BuilderCheck): string | undefined {
  if (stage === 'starting') return ageMs > START_LIMIT_MS ? 'it did not become ready' : undefined
  if (!answer) return 'it does not answer'
  // One that drains asks for no more work, and ends by itself.
  if (stage === 'draining') return undefined
  if (!answer.polling) return 'it does not poll'
  return serverAnswers && !answer.reachesTemporal ? 'it cannot reach Temporal' : undefined
}

/**
 * How long the successor of a builder waits. One that was healthy once died of its work, or was killed: nothing is
 * gained by waiting. In a line of builders none of which lives to its first healthy check each waits twice as long.
 */
export function restartPauseMs(ended: { readonly wasHealthy: boolean; readonly pauseMs: number }): number {
  if (ended.wasHealthy) return 0
  return Math.min(PAUSES_MS.longest, Math.max(PAUSES_MS.first, ended.pauseMs * 2))
}
