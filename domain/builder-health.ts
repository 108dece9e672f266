/** Loading the programs and the first connection to Temporal take seconds, also on a busy machine. */
export const START_LIMIT_MS = 2 * 60_000

/** The first pause of a line of restarts, and the longest. */
const PAUSES_MS = { first: 500, longest: 30_000 } as const

/** Which of the services a builder works with answered in time. */
export interface Reached {
  readonly temporal: boolean
  readonly database: boolean
}

/** A builder as its supervisor sees it at a health check. */
export interface BuilderCheck {
  readonly stage: 'starting' | 'working' | 'draining'
  readonly ageMs: number
  /** What it answered; undefined when it did not in time. */
  readonly answer?: { readonly polling: boolean; readonly reached: Reached } | undefined
  /** What the supervisor itself reached in the same moment, with the same patience. */
  readonly reached: Reached
  /** The fault the check before this one found. */
  readonly before?: string | undefined
}

/** What is wrong with a builder. */
export interface BuilderFault {
  readonly reason: string
  /** Whether it is to be replaced; otherwise the next check decides. */
  readonly isCertain: boolean
}

const SERVICES = [
  ['temporal', 'it cannot reach Temporal'],
  ['database', 'it cannot reach PostgreSQL'],
] as const

/** What is wrong with a builder; undefined when nothing is, or nothing that another builder would do better. */
export function faultOf({ stage, ageMs, answer, reached, before }: BuilderCheck): BuilderFault | undefined {
  if (stage === 'starting')
    return ageMs > START_LIMIT_MS ? { reason: 'it did not become ready', isCertain: true } : undefined
  if (!answer) return { reason: 'it does not answer', isCertain: true }
  // One that drains asks for no more work, and ends by itself.
  if (stage === 'draining') return undefined
  if (!answer.polling) return { reason: 'it does not poll', isCertain: true }
  // A server just slow enough may answer the one in time and not the other: it must not cost the pool its builders.
  const lost = SERVICES.find(([service]) => reached[service] && !answer.reached[service])
  return lost && { reason: lost[1], isCertain: before === lost[1] }
}

/**
 * How long the successor of a builder waits. One that was healthy once died of its work, or was killed: nothing is
 * gained by waiting. In a line of builders none of which lives to its first healthy check each waits twice as long.
 */
export function restartPauseMs(ended: { readonly wasHealthy: boolean; readonly pauseMs: number }): number {
  if (ended.wasHealthy) return 0
  return Math.min(PAUSES_MS.longest, Math.max(PAUSES_MS.first, ended.pauseMs * 2))
}
