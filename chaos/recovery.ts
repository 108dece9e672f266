import type { Observations, StrikeRecord } from './observations.ts'

/** Events that say only that something was lost, not that work goes on. */
const NO_PROGRESS = new Set(['builder-lost', 'task-queued'])

/** A task that lost its builder to a kill and moved again. */
export interface Recovery {
  /** From the kill to the next sign of work. */
  readonly ms: number
  /** Whether something else was broken meanwhile. */
  readonly isDisturbed: boolean
}

/** How long tasks stood still after the kill of their builder, shortest first. */
export function recoveriesOf({ strikes, ended }: Pick<Observations, 'strikes' | 'ended'>): readonly Recovery[] {
  const events = new Map(ended.map((task) => [task.id, task.events]))
  return strikes
    .filter(({ fault }) => fault === 'builder-kill')
    .flatMap((kill) =>
      kill.tasks.flatMap((id) => {
        const own = events.get(id) ?? []
        const lost = own.findIndex(({ type, at }) => type === 'builder-lost' && Date.parse(at) >= kill.startedAt)
        const next = lost === -1 ? undefined : own.slice(lost).find(({ type }) => !NO_PROGRESS.has(type))
        if (!next) return []
        const ms = Date.parse(next.at) - kill.startedAt
        return [{ ms, isDisturbed: isDisturbed({ kill, ms, strikes }) }]
      }),
    )
    .toSorted((one, other) => one.ms - other.ms)
}

function isDisturbed(recovery: {
  readonly kill: StrikeRecord
  readonly ms: number
  readonly strikes: readonly StrikeRecord[]
}): boolean {
  const { kill, ms, strikes } = recovery
  const until = kill.startedAt + ms
  return strikes.some((strike) => strike !== kill && strike.startedAt <= until && strike.endedAt >= kill.startedAt)
}

/** The value below which a share of the sorted values lies; undefined without values. */
export function quantile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))]
}
