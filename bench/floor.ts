import { setTimeout as delay } from 'node:timers/promises'
import { describePlan, type BarePlan } from './bare/plan.ts'
import { cpuMsOf } from './process-tree.ts'
import { bubblewrap } from './programs.ts'
import { JOB } from './script.ts'
import type { Stage } from './stage.ts'
import { bareJobFor } from './tasks.ts'

export interface FloorTimes {
  readonly wallMs: number
  readonly cpuMs: number
}

/**
 * The least that durable and contained jobs need on this machine: the plain script with its tools in bubblewrap, beside
 * an empty Temporal workflow with the product's steps for each. No record, no verifier's checkout, no API; what the
 * product does has to fit between this and its target.
 */
export async function floorJobs(stage: Stage, plan: BarePlan, count: number): Promise<FloorTimes> {
  const temporal = await stage.bareTemporal()
  const bwrap = await bubblewrap()
  const jobs = await Promise.all(
    Array.from({ length: count }, async () => ({ ...(await bareJobFor(stage, JOB)), bwrap })),
  )
  const cpuMs = () => cpuMsOf(stage.reaper) + temporal.cpuMs()
  const emptyTask = async () => {
    const { workflowId } = await temporal.start(plan)
    await stage.temporal.workflow.getHandle(workflowId).result()
  }
  const [before, started] = [cpuMs(), performance.now()]
  const [script] = await Promise.all([stage.bareJobs(jobs), ...Array.from({ length: count }, emptyTask)])
  const wallMs = performance.now() - started
  const between = cpuMs()
  // The idle gateway beside it has no part in this.
  await delay(wallMs)
  const idleMs = cpuMs() - between
  return { wallMs, cpuMs: script.cpuMs + between - before - idleMs }
}

/** How a floor was measured. */
export const floorNote = (plan: BarePlan): string =>
  `no target: the plain script with its tools in bubblewrap, and an empty workflow beside it with the product's steps (${describePlan(plan)})`
