import type { Profile, RoutingStrategy, TerminalStrategy } from './strategy.ts'
import type { TaskKind } from '../task.ts'

const PROFILES: Readonly<Record<TaskKind, Profile>> = {
  code: 'engineering',
  data: 'analysis',
  question: 'analysis',
  operations: 'operations',
}

/** Sends a task back to the builder that holds its files: nothing has to be restored there. */
export const repositoryAffinity: RoutingStrategy = {
  name: 'repository-affinity',
  route: ({ lastBuilder }) => (lastBuilder === undefined ? undefined : { preferredBuilder: lastBuilder }),
}

/** Gives a share of tasks, chosen by the task's id and so for ever the same, to the model under experiment. */
export function experiment(share: number): RoutingStrategy {
  return {
    name: 'experiment',
    route: ({ taskId, models }) =>
      models.experiment !== undefined && fractionOf(taskId) < share ? { model: models.experiment } : undefined,
  }
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

function fractionOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return (hash >>> 0) / 0x1_0000_0000
}
