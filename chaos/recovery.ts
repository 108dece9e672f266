import type { Observations } from './observations.ts'

/** Events that say only that something was lost, not that work goes on. */
const NO_PROGRESS = new Set(['builder-lost', 'task-queued'])

/** How long tasks stood still after the kill of their builder, in milliseconds, shortest first. */
export function recoveriesOf({ strikes, ended }: Pick<Observations, 'strikes' | 'ended'>): readonly number[] {
  const events = new Map(ended.map((task) => [task.id, task.events]))
  return strikes
    .filter(({ fault }) => fault === 'builder-kill')
    .flatMap(({ startedAt, tasks }) =>
      tasks.flatMap((id) => {
        const lost = events.get(id)?.findIndex(({ type, at }) => type === 'builder-lost' && Date.parse(at) >= startedAt)
        if (lost === undefined || lost === -1) return []
        const next = events
          .get(id)
          ?.slice(lost)
          .find(({ type }) => !NO_PROGRESS.has(type))
        return next ? [Date.parse(next.at) - startedAt] : []
      }),
    )
    .toSorted((one, other) => one - other)
}

/** The value below which a share of the sorted values lies; undefined without values. */
export function quantile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))]
}
