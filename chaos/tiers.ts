/** How large a run is. */
export interface Tier {
  readonly tasks: number
  readonly faults: number
  /** Tasks are sent until the last strike, and for so long at least. */
  readonly spanMs: number
  /** Between one strike and the next. */
  readonly gapMs: readonly [number, number]
  /** Faults that every run of the tier has, before others are drawn. */
  readonly always: readonly string[]
  /** Whether faults that take minutes to be waited out are drawn too. */
  readonly patient: boolean
  /** Whether others than those, and poison, may cost tasks their builders; too few tasks share them in a small run. */
  readonly rough: boolean
  /** A run that takes longer is given up. */
  readonly limitMs: number
}

const GAP_MS = [5_000, 10_000] as const
const MINUTE_MS = 60_000
const LARGE = { spanMs: 0, gapMs: GAP_MS, always: [], patient: true, rough: true } as const

/** Smoke is for every change, standard for before a merge, full and soak (does anything grow?) for a release. */
export const TIERS = {
  smoke: {
    tasks: 6,
    faults: 4,
    spanMs: 0,
    gapMs: [4_000, 7_000],
    always: ['builder-kill', 'gateway-kill'],
    patient: false,
    rough: false,
    limitMs: 4 * MINUTE_MS,
  },
  standard: { tasks: 300, faults: 60, ...LARGE, limitMs: 30 * MINUTE_MS },
  full: { tasks: 1_000, faults: 150, ...LARGE, limitMs: 90 * MINUTE_MS },
  soak: {
    tasks: 300,
    faults: 1,
    spanMs: 10 * MINUTE_MS,
    gapMs: GAP_MS,
    always: ['postgres-cut'],
    patient: false,
    rough: false,
    limitMs: 20 * MINUTE_MS,
  },
} as const satisfies Readonly<Record<string, Tier>>

export type TierName = keyof typeof TIERS

export const isTier = (name: string): name is TierName => Object.hasOwn(TIERS, name)
