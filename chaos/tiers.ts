/** How large a run is. */
export interface Tier {
  readonly tasks: number
  readonly faults: number
  /** Between one strike and the next. */
  readonly gapMs: readonly [number, number]
  /** Faults that every run of the tier has, before others are drawn. */
  readonly always: readonly string[]
  /** Whether faults that take minutes to be waited out are drawn too. */
  readonly patient: boolean
  /** Whether others than those may cost tasks their builders; too few tasks share them in a small run. */
  readonly rough: boolean
  /** A run that takes longer is given up. */
  readonly limitMs: number
}

const GAP_MS = [5_000, 10_000] as const
const MINUTE_MS = 60_000

/** Smoke is for every change, standard for before a merge, full for a release. */
export const TIERS = {
  smoke: {
    tasks: 6,
    faults: 4,
    gapMs: [4_000, 7_000],
    always: ['builder-kill', 'gateway-kill'],
    patient: false,
    rough: false,
    limitMs: 4 * MINUTE_MS,
  },
  standard: { tasks: 300, faults: 60, gapMs: GAP_MS, always: [], patient: true, rough: true, limitMs: 30 * MINUTE_MS },
  full: { tasks: 1_000, faults: 150, gapMs: GAP_MS, always: [], patient: true, rough: true, limitMs: 90 * MINUTE_MS },
} as const satisfies Readonly<Record<string, Tier>>

export type TierName = keyof typeof TIERS

export const isTier = (name: string): name is TierName => Object.hasOwn(TIERS, name)
