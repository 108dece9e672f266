import { setTimeout as delay } from 'node:timers/promises'
import { memoryOf } from '../process-tree.ts'
import type { Line, Row } from '../row.ts'
import { JOB } from '../script.ts'
import type { Stage } from '../stage.ts'
import { completed, requestFor, submit } from '../tasks.ts'
import { whileWatching } from '../watch.ts'

const AT_ONCE = 8
const SETTLE_MS = 3_000

/** What a task in progress adds to the memory of the Builders, their sandboxes and commands included. */
export const memoryPerTask: Row = {
  name: 'memory',
  latencyMs: 300,
  async measure(stage): Promise<readonly Line[]> {
    await delay(SETTLE_MS)
    const idle = await builderMemory(stage)
    const requests = await Promise.all(Array.from({ length: AT_ONCE }, () => requestFor(stage, JOB)))
    const peak = await whileWatching(
      () => builderMemory(stage),
      async () => {
        const tasks = await Promise.all(requests.map((request) => submit(stage, request)))
        await Promise.all(tasks.map(({ id }) => completed(stage, id)))
      },
    )
    return [
      {
        what: `memory of a task in progress, ${AT_ONCE} at once`,
        unit: 'MB',
        measured: (peak - idle) / AT_ONCE,
        target: { of: 'value', bound: 'at most', limit: 60 },
        notes: [
          `highest PSS of the Builders and everything below them (${peak.toFixed(0)} MB) above that of the fresh, idle pool (${idle.toFixed(0)} MB), a ${AT_ONCE}th of it`,
        ],
      },
    ]
  },
}

/** The Builders' process trees. */
async function builderMemory(stage: Stage): Promise<number> {
  const { items } = await stage.client.json<{ items: readonly { pid: number }[] }>('GET', '/v1/builders')
  return items.reduce((sum, { pid }) => sum + memoryOf(pid), 0)
}
