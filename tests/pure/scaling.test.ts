import { describe, expect, it } from 'vitest'
import { planScaling, type PoolBounds, type PooledBuilder } from '../../domain/scaling.ts'

const MINUTE = 60_000
const BOUNDS: PoolBounds = { min: 2, max: 10, seats: 4, idleTimeoutMs: 10 * MINUTE }

const builders = (count: number, one: Partial<PooledBuilder> = {}): PooledBuilder[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `b${index}`,
    draining: false,
    seatsUsed: 0,
    idleMs: 0,
    ...one,
  }))

describe('the pool', () => {
  it('has its minimum when nothing is to do', () => {
    expect(planScaling({ builders: [], waiting: 0 }, BOUNDS)).toEqual({ start: 2, drain: [] })
    expect(planScaling({ builders: builders(2, { idleMs: 60 * MINUTE }), waiting: 0 }, BOUNDS)).toEqual({
      start: 0,
      drain: [],
    })
  })

  it.each([
    [8, 0],
    [9, 1],
    [16, 2],
    [17, 3],
    [40, 8],
    [4_000, 8],
  ])('grows from two idle builders of four seats by what %i waiting tasks need: %i', (waiting, start) => {
    expect(planScaling({ builders: builders(2), waiting }, BOUNDS)).toEqual({ start, drain: [] })
  })

  it('counts the seats in use, so that free ones serve what waits', () => {
    const busy = builders(3, { seatsUsed: 3 })
    expect(planScaling({ builders: busy, waiting: 3 }, BOUNDS).start).toBe(0)
    expect(planScaling({ builders: busy, waiting: 4 }, BOUNDS).start).toBe(1)
  })

  it('never has more processes than its maximum, those that drain included', () => {
    const draining = builders(9, { draining: true, seatsUsed: 4 })
    expect(planScaling({ builders: draining, waiting: 100 }, BOUNDS).start).toBe(1)
    expect(planScaling({ builders: [...draining, ...builders(1)], waiting: 100 }, BOUNDS).start).toBe(0)
  })

  it('takes away only who was idle for the whole timeout, the longest idle first', () => {
    const pool = [
      ...builders(1, { id: 'busy', seatsUsed: 1 }),
      ...builders(1, { id: 'starting' }),
      ...builders(1, { id: 'just', idleMs: 10 * MINUTE - 1 }),
      ...builders(1, { id: 'long', idleMs: 11 * MINUTE }),
      ...builders(1, { id: 'longest', idleMs: 12 * MINUTE }),
    ]
    expect(planScaling({ builders: pool, waiting: 0 }, BOUNDS)).toEqual({ start: 0, drain: ['longest', 'long'] })
    expect(planScaling({ builders: pool.slice(1), waiting: 12 }, BOUNDS)).toEqual({ start: 0, drain: ['longest'] })
  })

  it('keeps its minimum apart from what drains', () => {
    const pool = [...builders(2, { draining: true }), ...builders(1, { id: 'last', idleMs: 60 * MINUTE })]
    expect(planScaling({ builders: pool, waiting: 0 }, BOUNDS)).toEqual({ start: 1, drain: [] })
  })
})

/** A pool in simulated time: builders poll after a while, tasks take a while, every second the plan is carried out. */
function simulate(options: { readonly bounds: PoolBounds; readonly tasks: number; readonly seconds: number }) {
  const { bounds, tasks, seconds } = options
  const START_S = 2
  const TASK_S = 30
  let next = 0
  let waiting = tasks
  let pool: { id: string; readyAt: number; ends: number[]; idleSince: number }[] = []
  let peak = 0
  let done = 0
  for (let now = 0; now < seconds; now++) {
    for (const builder of pool) {
      const running = builder.ends.filter((end) => end > now)
      done += builder.ends.length - running.length
      if (running.length === 0 && builder.ends.length > 0) builder.idleSince = now
      builder.ends = running
      const free = builder.readyAt <= now ? Math.min(waiting, bounds.seats - running.length) : 0
      waiting -= free
      builder.ends.push(...Array.from({ length: free }, () => now + TASK_S))
    }
    const seen = pool.map(({ id, readyAt, ends, idleSince }) => ({
      id,
      draining: false,
      seatsUsed: ends.length,
      idleMs: readyAt <= now && ends.length === 0 ? (now - idleSince) * 1_000 : 0,
    }))
    const plan = planScaling({ builders: seen, waiting }, bounds)
    const ofPlan = new Set(plan.drain)
    if (pool.some(({ id, ends }) => ofPlan.has(id) && ends.length > 0)) throw new Error('a busy builder was taken away')
    pool = pool.filter(({ id }) => !ofPlan.has(id))
    for (let count = 0; count < plan.start; count++)
      pool.push({ id: `b${++next}`, readyAt: now + START_S, ends: [], idleSince: now + START_S })
    peak = Math.max(peak, pool.length)
  }
  return { peak, done, left: pool.length, started: next }
}

describe('in simulated hours', () => {
  it.each([1, 25, 500])('%i tasks at once are done by at most ten builders, and two remain', (tasks) => {
    const { peak, done, left } = simulate({ bounds: BOUNDS, tasks, seconds: 3_600 })
    expect({ done, left }).toEqual({ done: tasks, left: 2 })
    expect(peak).toBe(Math.min(10, Math.max(2, Math.ceil(tasks / 4))))
  })

  it('five thousand builders are started once each for what needs them, and go when they are idle', () => {
    const bounds = { ...BOUNDS, max: 5_000 }
    expect(simulate({ bounds, tasks: 20_000, seconds: 900 })).toEqual({
      peak: 5_000,
      done: 20_000,
      left: 2,
      started: 5_000,
    })
  })
})
