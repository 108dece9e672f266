import { FAULTS, type Fault, type FaultName } from './faults.ts'
import { Random } from './random.ts'
import { TIERS, type Tier, type TierName } from './tiers.ts'

/**
 * How a task goes: `straight` at once; `repair` is rejected by the verifier first; `loud` floods its output; `clumsy` asks
 * for a tool there is not and gives another one wrong arguments; `poison` costs every builder its life that runs its
 * command.
 */
export type Shape = 'straight' | 'repair' | 'loud' | 'clumsy' | 'poison'

export interface PlannedTask {
  /** Number in the plan and the Idempotency-Key. */
  readonly key: string
  readonly shape: Shape
  /** How long its command sleeps. */
  readonly seconds: number
  readonly submitAtMs: number
  /** How often the same request is sent at once. */
  readonly posts: number
  readonly priority: 1 | 2 | 3 | 4 | 5
  /** Cancelled as soon as it has taken so many turns. */
  readonly cancelAtTurn?: number
}

export interface PlannedStrike {
  readonly fault: FaultName
  readonly atMs: number
  readonly forMs: number
  /** From 0 to 1: which of the possible victims, whenever it comes to that. */
  readonly aim: number
  /** How many requests a fault of single requests hits. */
  readonly times: number
}

/** Everything that is decided before a run. */
export interface Plan {
  readonly tier: TierName
  readonly seed: number
  readonly tasks: readonly PlannedTask[]
  readonly strikes: readonly PlannedStrike[]
}

/** Before the first strike something must be there to be hit. */
const FIRST_STRIKE_MS = 3_000
const DOUBLE_STRIKE = 0.1
const CANCELLED = 0.08
const POISON_EVERY = 100

/** The plan of a run: the same tier and seed give the same plan. */
export function planOf(tierName: TierName, seed: number): Plan {
  const tier: Tier = TIERS[tierName]
  const random = new Random(seed)
  const strikes = strikesOf(tier, random)
  const spanMs = Math.max(tier.spanMs, strikes.at(-1)?.atMs ?? 0)
  const tasks = Array.from({ length: tier.tasks }, (_, index) => taskOf(index, { tier, random, spanMs }))
  return { tier: tierName, seed, tasks, strikes }
}

function strikesOf(tier: Tier, random: Random): readonly PlannedStrike[] {
  let atMs = FIRST_STRIKE_MS
  return faultsOf(tier, random).map(({ name, forMs }, index) => {
    if (index > 0 && !random.chance(DOUBLE_STRIKE)) atMs += random.between(...tier.gapMs)
    return {
      ...{ fault: name as FaultName, atMs, forMs: random.between(...forMs) },
      ...{ aim: random.next(), times: random.between(1, 3) },
    }
  })
}

/** Every fault once before any comes again. */
function faultsOf(tier: Tier, random: Random): readonly Fault[] {
  const isAlways = ({ name }: Fault) => tier.always.includes(name)
  const possible: readonly Fault[] = FAULTS.filter(
    (fault: Fault) => isAlways(fault) || ((tier.patient || !fault.slow) && (tier.rough || !fault.costsSeats)),
  )
  const chosen = possible.filter(isAlways)
  const others = possible.filter((fault) => !chosen.includes(fault))
  while (chosen.length < tier.faults)
    chosen.push(...random.shuffled(chosen.length < possible.length ? others : possible))
  return random.shuffled(chosen.slice(0, tier.faults))
}

function taskOf(
  index: number,
  { tier, random, spanMs }: { readonly tier: Tier; readonly random: Random; readonly spanMs: number },
): PlannedTask {
  const poison = tier.rough && index % POISON_EVERY === POISON_EVERY - 1
  const shape = poison ? 'poison' : random.pick(['straight', 'straight', 'repair', 'loud', 'clumsy'] as const)
  const cancelAtTurn = !poison && random.chance(CANCELLED) ? { cancelAtTurn: random.between(0, 4) } : {}
  return {
    ...{ key: `task-${String(index + 1).padStart(4, '0')}`, shape, seconds: poison ? 4 : random.between(5, 25) / 10 },
    ...{ submitAtMs: Math.round((index * spanMs) / tier.tasks), posts: random.pick([1, 1, 2, 5]) },
    priority: random.between(1, 5) as PlannedTask['priority'],
    ...cancelAtTurn,
  }
}
