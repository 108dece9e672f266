import { countActivities, describePlan, withoutAttributes, type BarePlan } from '../bare/plan.ts'
import { planOf } from '../history.ts'
import type { Line, Row } from '../row.ts'
import { ERRAND, ERRAND_TURNS } from '../script.ts'
import type { Stage } from '../stage.ts'
import { interleaved, median } from '../statistics.ts'
import { completedInTemporal, submit, workedOn } from '../tasks.ts'

const AT_ONCE = 32
const TASKS = 96
const ROUNDS = 6

/** Throughput with a model that costs no time, against Temporal doing as many steps for nothing. */
export const tasksPerSecond: Row = {
  name: 'tasks-per-second',
  latencyMs: 0,
  async measure(stage): Promise<readonly Line[]> {
    const { id } = await workedOn(stage, { prompt: ERRAND })
    const asStored = await planOf(stage.temporal, id)
    const plan = withoutAttributes(asStored)
    const { product, bare, least } = await interleaved(ROUNDS, {
      product: () => rateOf(() => productTask(stage)),
      bare: () => rateOf(() => bareTask(stage, plan)),
      least: () => rateOf(() => leastTask(stage, asStored)),
    })
    const what = `tasks/s, instant model, ${AT_ONCE} at once`
    return [
      {
        what,
        unit: 'tasks/s',
        measured: median(product),
        baseline: median(bare),
        target: { of: 'ratio', bound: 'at least', limit: 0.8 },
        notes: [
          `task: understanding, two turns with a tool each, verification and delivery of nothing, no repository`,
          `baseline: a workflow with as many activities as that task's own history has, all empty: ${describePlan(plan)}`,
        ],
      },
      {
        ...{ what: `${what}, the least`, unit: 'tasks/s', measured: median(least), baseline: median(bare) },
        notes: [
          `no target: that workflow with the task's state as a search attribute (${describePlan(asStored)}), and beside it a row for each activity, each in a transaction of its own, and the model's turns by plain HTTP; no prompt, no policy, no sandbox, no API`,
        ],
      },
    ]
  },
}

/** One that ends makes room for the next: all at once would start, queue and run out in step. */
async function rateOf(work: () => Promise<void>): Promise<number> {
  let left = TASKS
  const one = async () => {
    while (left-- > 0) await work()
  }
  const started = performance.now()
  await Promise.all(Array.from({ length: AT_ONCE }, one))
  return TASKS / ((performance.now() - started) / 1_000)
}

async function productTask(stage: Stage): Promise<void> {
  const { id } = await submit(stage, { prompt: ERRAND })
  await completedInTemporal(stage, id)
}

/** Everything beside everything else: what the product does one after another cannot take less. */
async function leastTask(stage: Stage, plan: BarePlan): Promise<void> {
  await Promise.all([
    bareTask(stage, plan),
    stage.bareRecords(countActivities(plan)),
    stage.bareTalk({ type: 'talk', simulator: stage.simulator, prompt: ERRAND, turns: ERRAND_TURNS, output: 'Done.' }),
  ])
}

async function bareTask(stage: Stage, plan: BarePlan): Promise<void> {
  const { workflowId } = await (await stage.bareTemporal()).start(plan)
  await stage.temporal.workflow.getHandle(workflowId).result()
}
