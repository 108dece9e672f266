import { describe, expect, it } from 'vitest'
import { chain } from '../../domain/routing/chain.ts'
import { byKind, cost } from '../../domain/routing/strategies.ts'
import type { RoutingContext, RoutingStrategy } from '../../domain/routing/strategy.ts'

const context: RoutingContext = {
  taskId: 'task-01',
  kind: 'code',
  priority: 3,
  risk: 'low',
  models: { main: 'gemini-main', fast: 'gemini-fast' },
}

/** Strategies of an operator: one that knows the model for urgent tasks, one that knows the profile of every task. */
const urgent: RoutingStrategy = {
  name: 'urgent',
  route: ({ priority }) => (priority === 1 ? { model: 'gemini-next' } : undefined),
}
const analyst: RoutingStrategy = { name: 'analyst', route: () => ({ profile: 'analysis' }) }

describe('a chain of routing strategies', () => {
  it('is answered by its last strategy when nobody else knows', () => {
    expect(chain([], byKind).route(context)).toEqual({ strategy: 'kind', model: 'gemini-main', profile: 'engineering' })
  })

  it('takes each field from the first strategy that answers it and the rest from the last', () => {
    const route = chain([urgent, analyst], byKind).route({ ...context, priority: 1 })
    expect(route).toEqual({ strategy: 'urgent+analyst+kind', model: 'gemini-next', profile: 'analysis' })
    expect(chain([urgent, analyst], byKind).route(context)).toEqual({
      strategy: 'analyst+kind',
      model: 'gemini-main',
      profile: 'analysis',
    })
  })

  it('lets an earlier strategy win over a later one', () => {
    const question = { ...context, kind: 'question', priority: 1 } as const
    expect(chain([urgent, cost], byKind).route(question).model).toBe('gemini-next')
    expect(chain([cost, urgent], byKind).route(question).model).toBe('gemini-fast')
  })

  it('keeps the dear model for a risky question', () => {
    expect(chain([cost], byKind).route({ ...context, kind: 'question', risk: 'high' }).model).toBe('gemini-main')
  })
})
