import { setTimeout as delay } from 'node:timers/promises'
import { kill } from '../../adapters/processes/kill.ts'
import { identify, isAlive } from '../../adapters/processes/process-identity.ts'
import type { PlannedStrike } from '../plan.ts'
import type { Stage } from '../stage.ts'
import { builderAt, type Hit } from './victim.ts'

/** Sends a builder a signal. */
export async function signalBuilder(stage: Stage, { aim }: PlannedStrike, signal: NodeJS.Signals): Promise<Hit> {
  const builder = await builderAt(stage, aim)
  if (!builder || !kill(builder.pid, signal)) return {}
  return { victim: `builder ${builder.id}`, tasks: builder.tasks, at: Date.now() }
}

/** Stops a builder, then lets it go on, unless somebody has ended it. */
export async function freezeBuilder(stage: Stage, { aim, forMs }: PlannedStrike): Promise<Hit> {
  const builder = await builderAt(stage, aim)
  if (!builder) return {}
  const at = Date.now()
  const { id, tasks } = builder
  return (await frozen(builder.pid, forMs)) ? { victim: `builder ${id}`, tasks, at } : {}
}

/** Stops the gateway, then lets it go on. */
export async function freezeGateway({ gateway }: Stage, { forMs }: PlannedStrike): Promise<Hit> {
  const { pid } = gateway
  return pid !== undefined && (await frozen(pid, forMs)) ? { victim: `gateway ${pid}` } : {}
}

/** Ends the gateway and starts a new one. */
export async function replaceGateway({ gateway }: Stage, signal: 'SIGKILL' | 'SIGTERM'): Promise<Hit> {
  const { pid } = gateway
  await gateway.replace(signal)
  return pid === undefined ? {} : { victim: `gateway ${pid}` }
}

async function frozen(pid: number, forMs: number): Promise<boolean> {
  const identity = identify(pid)
  if (!identity || !kill(pid, 'SIGSTOP')) return false
  await delay(forMs)
  if (isAlive(identity)) kill(pid, 'SIGCONT')
  return true
}
