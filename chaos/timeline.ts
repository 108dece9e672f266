import { setTimeout as delay } from 'node:timers/promises'
import { FAULTS, type Target } from './faults.ts'
import type { StrikeRecord } from './observations.ts'
import type { PlannedStrike } from './plan.ts'
import type { Hit } from './strikes/victim.ts'

const targetOf = ({ fault }: PlannedStrike): Target => FAULTS.find(({ name }) => name === fault)?.target ?? 'api'

/**
 * Plays strikes at their times. Those on one target follow each other; all others may meet. Resolves when everything
 * that was broken works again.
 */
export async function playStrikes(
  strikes: readonly PlannedStrike[],
  options: {
    readonly strike: (strike: PlannedStrike) => Promise<Hit> | Hit
    readonly report: (line: string) => void
    readonly signal: AbortSignal
  },
): Promise<readonly StrikeRecord[]> {
  const { report, signal } = options
  const began = Date.now()
  const busy = new Map<Target, Promise<unknown>>()
  const played: Promise<StrikeRecord>[] = []
  for (const planned of strikes) {
    await delay(Math.max(0, began + planned.atMs - Date.now()), undefined, { signal })
    const target = targetOf(planned)
    const before = busy.get(target) ?? Promise.resolve()
    const playing = before.then(async () => {
      const due = Date.now()
      const { victim, tasks = [], at: startedAt = due } = await options.strike(planned)
      const record = {
        fault: planned.fault,
        startedAt,
        endedAt: Date.now(),
        ...(victim !== undefined && { victim }),
        tasks,
      }
      report(
        `${seconds(startedAt - began)} ${planned.fault}: ${victim ?? 'nothing to hit'}, ${seconds(record.endedAt - startedAt)}`,
      )
      return record
    })
    // A failed strike is told once, by the wait for all.
    busy.set(
      target,
      playing.catch(() => undefined),
    )
    played.push(playing)
    playing.catch(() => undefined)
  }
  return Promise.all(played)
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1_000).toFixed(1)} s`
