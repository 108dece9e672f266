import type { Profile, RoutingStrategy, TerminalStrategy } from './strategy.ts'
import type { TaskKind } from '../task.ts'

const PROFILES: Readonly<Record<TaskKind, Profile>> = {
  code: 'engineering',
  data: 'analysis',
  question: 'analysis',
  operations: 'operations',
}

/** Plain answers do not need the dear model. */
export const cost: RoutingStrategy = {
  name: 'cost',
  route: ({ kind, risk, models }) => (kind === 'question' && risk !== 'high' ? { model: models.fast } : undefined),
}

/** The end of every chain: the main model with the profile of the task's kind. */
export const byKind: TerminalStrategy = {
  name: 'kind',
  route: ({ kind, models }) => ({ model: models.main, profile: PROFILES[kind] }),
}
