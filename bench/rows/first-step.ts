import { setTimeout as delay } from 'node:timers/promises'
import { describePlan, withoutAttributes, type BarePlan } from '../bare/plan.ts'
import { planOf, stepsOf } from '../history.ts'
import type { Line, Row } from '../row.ts'
import { ERRAND } from '../script.ts'
import type { Stage } from '../stage.ts'
import { interleaved, median } from '../statistics.ts'
import { completed, completedInTemporal, submit } from '../tasks.ts'

const ROUNDS = 20
/** Between two tasks the pool is idle again. */
const PAUSE_MS = 150
/** That of a Builder, the product's or the bare one's. */
const OWN_QUEUE = /^(bare-)?builder-/

/** From the answer to the request until a Builder begins, when nothing else is to be done. */
export const firstStep: Row = {
  name: 'first-step',
  latencyMs: 0,
  async measure(stage): Promise<readonly Line[]> {
    const { id } = await submit(stage, { prompt: ERRAND })
    await completed(stage, id)
    const plan = untilFirstStep(withoutAttributes(await planOf(stage.temporal, id)))
    const { product, bare } = await interleaved(ROUNDS, {
      product: () => productStep(stage),
      bare: () => bareStep(stage, plan),
    })
    return [
      {
        what: "request accepted → Builder's first step, idle pool",
        unit: 'ms',
        measured: median(product),
        baseline: median(bare),
        target: { of: 'ratio', bound: 'at most', limit: 1.5 },
        notes: [
          `from the answer to POST /v1/tasks to the first activity on the queue of the Builder as Temporal noted it, the model's understanding call (0 ms) included`,
          `baseline: from the answer to the start of an empty workflow with the steps up to there: ${describePlan(plan)}`,
        ],
      },
    ]
  },
}

/** The steps up to the first on the Builder's own queue. */
function untilFirstStep({ steps }: BarePlan): BarePlan {
  const first = steps.findIndex(({ kind }) => kind === 'builder')
  return { steps: [...steps.slice(0, first + 1), { kind: 'release' }] }
}

async function productStep(stage: Stage): Promise<number> {
  const { id, answeredAt } = await submit(stage, { prompt: ERRAND })
  await completedInTemporal(stage, id)
  return sinceFirstStep(stage, id, answeredAt)
}

async function bareStep(stage: Stage, plan: BarePlan): Promise<number> {
  const bare = await stage.bareTemporal()
  const { workflowId, acceptedAt } = await bare.start(plan)
  await stage.temporal.workflow.getHandle(workflowId).result()
  return sinceFirstStep(stage, workflowId, acceptedAt)
}

async function sinceFirstStep({ temporal }: Stage, workflowId: string, since: number): Promise<number> {
  const first = (await stepsOf(temporal, workflowId)).find(({ queue }) => OWN_QUEUE.test(queue))
  await delay(PAUSE_MS)
  return (first?.startedAt ?? Number.NaN) - since
}
