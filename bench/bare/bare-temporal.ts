import { startHelper, type HelperProcess } from '../helper-process.ts'
import { cpuMsOf } from '../process-tree.ts'
import type { StartBareTask } from './manager.ts'
import type { BarePlan } from './plan.ts'

/** Temporal used for nothing: the processes of a gateway (one with workflows, some builders) with empty activities. */
export interface BareTemporal {
  /** Starts a bare workflow; gives its id and the time at which Temporal had accepted it. */
  start(plan: BarePlan): Promise<{ readonly workflowId: string; readonly acceptedAt: number }>
  /** CPU time of its processes since their start; the server's is counted with the gateway. */
  cpuMs(): number
  stop(): Promise<void>
}

/** Starts as many processes as the product has, on the product's own Temporal server. */
export async function startBareTemporal(options: {
  readonly address: string
  readonly builders: number
  readonly seats: number
}): Promise<BareTemporal> {
  const { address, builders, seats } = options
  const manager: HelperProcess<StartBareTask, number> = await startHelper('./bare/manager.ts', [address])
  const pool = await Promise.all(
    Array.from({ length: builders }, () => startHelper('./bare/builder.ts', [address, String(seats)])),
  )
  const helpers = [manager, ...pool]
  let started = 0
  return {
    async start(plan) {
      const workflowId = `bare-${process.pid}-${++started}`
      return { workflowId, acceptedAt: await manager.ask({ workflowId, plan }) }
    },
    cpuMs: () => helpers.reduce((sum, { pid }) => sum + cpuMsOf(pid), 0),
    async stop() {
      await Promise.all(helpers.map((helper) => helper.stop()))
    },
  }
}
