import type { Route, RoutingContext, RoutingStrategy, TerminalStrategy } from './strategy.ts'

/** Joins strategies into one: of every field the first answer counts, the last strategy fills what is left. */
export function chain(
  strategies: readonly RoutingStrategy[],
  last: TerminalStrategy,
): { route(context: RoutingContext): Route } {
  return {
    route(context) {
      const answers = strategies.flatMap((strategy) => {
        const answer = strategy.route(context)
        return answer === undefined ? [] : [{ name: strategy.name, answer }]
      })
      const decided = answers.toReversed().reduce((route, { answer }) => ({ ...route, ...answer }), last.route(context))
      return { ...decided, strategy: [...answers.map(({ name }) => name), last.name].join('+') }
    },
  }
}
