import { describe, expect, it } from 'vitest'
import { chain } from '../../domain/routing/chain.ts'
import { byKind, cost, experiment, repositoryAffinity } from '../../domain/routing/strategies.ts'
import type { RoutingContext } from '../../domain/routing/strategy.ts'

const context: RoutingContext = {
  taskId: 'task-01',
  kind: 'code',
  priority: 3,
  risk: 'low',
  models: { main: 'gemini-main', fast: 'gemini-fast', experiment: 'gemini-next' },
}

describe('a chain of routing strategies', () => {
  it('is answered by its last strategy when nobody else knows', () => {
    expect(chain([], byKind).route(context)).toEqual({ strategy: 'kind', model: 'gemini-main', profile: 'engineering' })
  })

  it('takes each field from the first strategy that answers it and the rest from the last', () => {
    const route = chain([repositoryAffinity, cost], byKind).route({ ...context, kind: 'question', lastBuilder: 'b1' })
    expect(route).toEqual({
      strategy: 'repository-affinity+cost+kind',
      model: 'gemini-fast',
      profile: 'analysis',
      preferredBuilder: 'b1',
    })
  })

  it('lets an earlier strategy win over a later one', () => {
    const all = experiment(1)
    expect(chain([all, cost], byKind).route({ ...context, kind: 'question' }).model).toBe('gemini-next')
    expect(chain([cost, all], byKind).route({ ...context, kind: 'question' }).model).toBe('gemini-fast')
  })

  it('keeps the dear model for a risky question', () => {
    expect(chain([cost], byKind).route({ ...context, kind: 'question', risk: 'high' }).model).toBe('gemini-main')
  })
})

describe('an experiment', () => {
  it('gives a task the same side every time and about its share of 1,000 tasks', () => {
    const chosen = (id: number) => experiment(0.3).route({ ...context, taskId: `task-${id}` }) !== undefined
    const ids = Array.from({ length: 1000 }, (_, id) => id)
    const first = ids.filter(chosen)
    expect(ids.filter(chosen)).toEqual(first)
    expect(first.length).toBeGreaterThan(240)
    expect(first.length).toBeLessThan(360)
  })
})
