import { FAULTS, type Fault } from './faults.ts'
import type { EndedTask, Observations } from './observations.ts'

/** A loss is noticed by missing heartbeats, and later on a busy machine or while the gateway is away. */
const NOTICED_MS = 30_000
/** Builders lost in a row after which the product sets a task aside. */
const LOSSES = 3

const COSTLY: ReadonlySet<string> = new Set(FAULTS.filter((fault: Fault) => fault.costsSeats).map(({ name }) => name))

/**
 * Whether a task was set aside as poison for what the run did: three builders in a row were lost at one step, each to a
 * strike. It is what the product says it does; a run with many strikes meets it.
 */
export function isSetAside(
  { state, errorCode, events }: EndedTask,
  { strikes }: Pick<Observations, 'strikes'>,
): boolean {
  if (state !== 'failed' || errorCode !== 'poison_task') return false
  const lost = events.filter(({ type }) => type === 'builder-lost').slice(-LOSSES)
  const costly = strikes.filter(({ fault, victim }) => victim !== undefined && COSTLY.has(fault))
  const isStruck = (at: number) =>
    costly.some(({ startedAt, endedAt }) => startedAt <= at && at <= endedAt + NOTICED_MS)
  return lost.length > 0 && lost.every(({ at }) => isStruck(Date.parse(at)))
}
