/** Loading the programs and the first connection to Temporal take seconds, also on a busy machine. */
export const START_LIMIT_MS = 2 * 60_000

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
