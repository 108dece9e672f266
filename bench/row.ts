import type { Stage } from './stage.ts'

export type Unit = 's' | 'ms' | 'MB' | 'tokens' | 'tasks/s'

/**
 * What a line must reach: the measured value itself, its ratio to the baseline, or how much it lies above the
 * baseline.
 */
export interface Target {
  readonly of: 'value' | 'ratio' | 'excess'
  readonly bound: 'at least' | 'at most'
  readonly limit: number
}

/** One line of the table. */
export interface Line {
  readonly what: string
  readonly unit: Unit
  readonly measured: number
  /** The same work done bare, measured in the same run. */
  readonly baseline?: number
  readonly target: Target
  /** How it was measured, below the table. */
  readonly notes?: readonly string[]
}

/** A row of the bench: what is asked for with `--only`, and how it is measured. */
export interface Row {
  readonly name: string
  /** How long the scripted model thinks before it answers. */
  readonly latencyMs: number
  readonly measure: (stage: Stage) => Promise<readonly Line[]>
}

/** The number the target speaks of. */
export function achieved({ measured, baseline, target }: Line): number {
  if (target.of === 'value') return measured
  if (baseline === undefined) throw new Error(`a target of the ${target.of} needs a baseline`)
  return target.of === 'ratio' ? measured / baseline : measured - baseline
}

export function isMet(line: Line): boolean {
  const { bound, limit } = line.target
  return bound === 'at least' ? achieved(line) >= limit : achieved(line) <= limit
}
