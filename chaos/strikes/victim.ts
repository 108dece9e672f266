import { setTimeout as delay } from 'node:timers/promises'
import { buildersOf, type BuilderView } from '../builders.ts'
import type { Stage } from '../stage.ts'

/** A gateway that restarts while the machine is busy is away for half a minute. */
const LOOK_TIMES = 160
const LOOK_EVERY_MS = 250

/** What a strike hit; missing when there was nothing to hit. */
export interface Hit {
  readonly victim?: string
  readonly tasks?: readonly string[]
  /** When it was hit, where the strike had to wait for its victim. */
  readonly at?: number
}

/** Chooses one of several by a number from 0 to 1. */
export const aimed = <T>(values: readonly T[], aim: number): T | undefined => values[Math.floor(aim * values.length)]

/** A builder to hit, one with work if there is one. Waits a while for it. */
export async function builderAt(stage: Stage, aim: number): Promise<BuilderView | undefined> {
  for (let look = 1; look <= LOOK_TIMES; look++) {
    const builders = await buildersOf(stage)
    const busy = builders.filter(({ tasks }) => tasks.length > 0)
    const victim = aimed(busy, aim) ?? (look === LOOK_TIMES ? aimed(builders, aim) : undefined)
    if (victim) return victim
    await delay(LOOK_EVERY_MS)
  }
  return undefined
}
