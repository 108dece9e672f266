import { describePlan, type BarePlan } from '../bare/plan.ts'
import { planOf } from '../history.ts'
import type { Line, Row } from '../row.ts'
import { ERRAND } from '../script.ts'
import type { Stage } from '../stage.ts'
import { interleaved, median } from '../statistics.ts'
import { submit, workedOn } from '../tasks.ts'

const BATCH = 32
const ROUNDS = 5
const POLL_MS = 25

/** Throughput with a model that costs no time, against Temporal doing as many steps for nothing. */
export const tasksPerSecond: Row = {
  name: 'tasks-per-second',
  latencyMs: 0,
  async measure(stage): Promise<readonly Line[]> {
    const { id } = await workedOn(stage, { prompt: ERRAND })
    const plan = await planOf(stage.temporal, id)
    const { product, bare } = await interleaved(ROUNDS, {
      product: () => rateOf((batch) => productBatch(stage, batch)),
      bare: () => rateOf((batch) => bareBatch(stage, plan, batch)),
    })
    return [
      {
        what: `tasks/s, instant model, ${BATCH} at once`,
        unit: 'tasks/s',
        measured: median(product),
        baseline: median(bare),
        target: { of: 'ratio', bound: 'at least', limit: 0.8 },
        notes: [
          `task: understanding, two turns with a tool each, verification and delivery of nothing, no repository`,
          `baseline: a workflow with the steps of that task's own history, all empty: ${describePlan(plan)}`,
        ],
      },
    ]
  },
}

async function rateOf(work: (size: number) => Promise<void>): Promise<number> {
  const started = performance.now()
  await work(BATCH)
  return BATCH / ((performance.now() - started) / 1_000)
}

let batches = 0

async function productBatch(stage: Stage, size: number): Promise<void> {
  const name = `batch-${++batches}.`
  const prompt = `${ERRAND} ${name}`
  await Promise.all(Array.from({ length: size }, () => submit(stage, { prompt })))
  for (;;) {
    const path = `/v1/tasks?state=completed&limit=200&q=${name}`
    const { items } = await stage.client.json<{ items: readonly unknown[] }>('GET', path)
    if (items.length === size) return
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

async function bareBatch(stage: Stage, plan: BarePlan, size: number): Promise<void> {
  const bare = await stage.bareTemporal()
  const one = async () => {
    const { workflowId } = await bare.start(plan)
    await stage.temporal.workflow.getHandle(workflowId).result()
  }
  await Promise.all(Array.from({ length: size }, one))
}
