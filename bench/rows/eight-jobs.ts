import { floorJobs, floorNote } from '../floor.ts'
import { planOf } from '../history.ts'
import { memoryOf } from '../process-tree.ts'
import type { Line, Row } from '../row.ts'
import { JOB } from '../script.ts'
import type { Stage } from '../stage.ts'
import { interleaved, median } from '../statistics.ts'
import { bareJobFor, requestFor, workedOn } from '../tasks.ts'
import { whileWatching } from '../watch.ts'

const AT_ONCE = 8
const ROUNDS = 3

/** Eight jobs beside one another: time until the last is done, and memory of the whole gateway meanwhile. */
export const eightJobs: Row = {
  name: 'eight-jobs',
  latencyMs: 300,
  async measure(stage): Promise<readonly Line[]> {
    const { id } = await workedOn(stage, await requestFor(stage, JOB))
    const plan = await planOf(stage.temporal, id)
    const { product, bare, floor } = await interleaved(ROUNDS, {
      product: () => productJobs(stage),
      floor: async () => ({ wallMs: (await floorJobs(stage, plan, AT_ONCE)).wallMs, memory: 0 }),
      bare: async () => {
        const jobs = await Promise.all(Array.from({ length: AT_ONCE }, () => bareJobFor(stage, JOB)))
        return { wallMs: (await stage.bareJobs(jobs)).wallMs, memory: 0 }
      },
    })
    return [
      {
        what: `${AT_ONCE} such jobs at once, time until the last ends`,
        unit: 's',
        measured: median(product.map(({ wallMs }) => wallMs)) / 1_000,
        baseline: median(bare.map(({ wallMs }) => wallMs)) / 1_000,
        target: { of: 'value', bound: 'at most', limit: 5 },
        notes: ['baseline: the plain script of whole-job, eight at once'],
      },
      {
        what: `${AT_ONCE} such jobs at once, the least`,
        unit: 's',
        measured: median(floor.map(({ wallMs }) => wallMs)) / 1_000,
        notes: [floorNote(plan)],
      },
      {
        what: `${AT_ONCE} such jobs at once, memory of the gateway`,
        unit: 'MB',
        measured: Math.max(...product.map(({ memory }) => memory)),
        target: { of: 'value', bound: 'at most', limit: 900 },
        notes: [
          'highest PSS of the whole process tree: API, Manager, Builders with their sandboxes, Temporal, PostgreSQL',
        ],
      },
    ]
  },
}

async function productJobs(stage: Stage) {
  const requests = await Promise.all(Array.from({ length: AT_ONCE }, () => requestFor(stage, JOB)))
  let wallMs = 0
  const memory = await whileWatching(
    () => memoryOf(stage.gateway),
    async () => {
      const started = performance.now()
      await Promise.all(requests.map((request) => workedOn(stage, request)))
      wallMs = performance.now() - started
    },
  )
  return { wallMs, memory }
}
