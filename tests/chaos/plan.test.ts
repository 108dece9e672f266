import { describe, expect, it } from 'vitest'
import { FAULTS, LEFT_OUT } from '../../chaos/faults.ts'
import { planOf } from '../../chaos/plan.ts'
import { TIERS, type TierName } from '../../chaos/tiers.ts'

const tiers = Object.keys(TIERS) as TierName[]

describe.each(tiers)('a plan of the tier %s', (tier) => {
  it('is the same for the same seed, and another for another', () => {
    expect(planOf(tier, 7)).toEqual(planOf(tier, 7))
    expect(planOf(tier, 7)).not.toEqual(planOf(tier, 8))
  })

  it('has as many tasks and strikes as the tier says, in order of time', () => {
    const { tasks, strikes } = planOf(tier, 7)
    expect([tasks.length, strikes.length]).toEqual([TIERS[tier].tasks, TIERS[tier].faults])
    const times = strikes.map(({ atMs }) => atMs)
    expect(times).toEqual(times.toSorted((one, other) => one - other))
    expect(new Set(tasks.map(({ key }) => key)).size).toBe(tasks.length)
  })

  it('keeps every strike within the bounds of its fault', () => {
    const bounds = new Map<string, readonly [number, number]>(FAULTS.map(({ name, forMs }) => [name, forMs]))
    for (const { fault, forMs } of planOf(tier, 7).strikes) {
      const [shortest, longest] = bounds.get(fault) ?? [0, 0]
      expect(forMs).toBeGreaterThanOrEqual(shortest)
      expect(forMs).toBeLessThanOrEqual(longest)
    }
  })
})

it('a smoke run kills a builder and the gateway, whatever the seed', () => {
  for (let seed = 0; seed < 50; seed++)
    expect(planOf('smoke', seed).strikes.map(({ fault }) => fault)).toEqual(
      expect.arrayContaining(['builder-kill', 'gateway-kill']),
    )
})

it('a standard run has every fault at least twice, whatever the seed', () => {
  for (let seed = 0; seed < 20; seed++) {
    const { strikes } = planOf('standard', seed)
    for (const { name } of FAULTS) expect(strikes.filter(({ fault }) => fault === name).length).toBeGreaterThan(1)
  }
})

it('numbers 1 to 20 of the list of faults are injected, part of every run, or left out with a reason', () => {
  const injected: readonly number[] = FAULTS.map(({ number }) => number)
  /** A task that costs builders their lives stands among the tasks of the larger tiers. */
  const POISON = 11
  const accounted = new Set([...injected, ...LEFT_OUT.map(({ number }) => number), POISON])
  expect([...accounted].toSorted((one, other) => one - other)).toEqual(
    Array.from({ length: 20 }, (_, index) => index + 1),
  )
})
