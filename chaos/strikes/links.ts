import { setTimeout as delay } from 'node:timers/promises'
import type { FaultProxy } from '../fault-proxy.ts'
import type { PlannedStrike } from '../plan.ts'
import type { Hit } from './victim.ts'

const SLOWEST_MS = 250
const FASTEST_MS = 40

/** Resets every connection of a link. */
export function cutLink(link: FaultProxy): Hit {
  const cut = link.cut()
  return cut === 0 ? {} : { victim: `${cut} connections` }
}

/** Every piece takes longer for a while. */
export async function slowLink(link: FaultProxy, { forMs, aim }: PlannedStrike): Promise<Hit> {
  const delayMs = Math.round(FASTEST_MS + aim * (SLOWEST_MS - FASTEST_MS))
  link.slow(delayMs)
  await delay(forMs)
  link.heal()
  return { victim: `${delayMs} ms each way` }
}

/** Nothing goes for a while, or nothing comes back. */
export async function partLink(link: FaultProxy, { forMs }: PlannedStrike, way: 'both' | 'one'): Promise<Hit> {
  if (way === 'both') link.hold('there', 'back')
  else link.hold('back')
  await delay(forMs)
  link.heal()
  return { victim: way === 'both' ? 'both ways' : 'the way back' }
}
