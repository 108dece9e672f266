import type { Stage } from './stage.ts'

export type Unit = 's' | 'ms' | 'MB' | 'MiB' | 'tokens' | 'tasks' | 'tasks/s'

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
  /** Missing for a line that only helps to read another one. */
  readonly target?: Target
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
export function achieved({ measured, baseline }: Line, of: Target['of']): number {
  if (of === 'value') return measured
  if (baseline === undefined) throw new Error(`a target of the ${of} needs a baseline`)
  return of === 'ratio' ? measured / baseline : measured - baseline
}

export function isMet(line: Line): boolean {
  if (!line.target) return true
  const { of, bound, limit } = line.target
  return bound === 'at least' ? achieved(line, of) >= limit : achieved(line, of) <= limit
}
