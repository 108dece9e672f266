import type { BarePlan } from '../bare/plan.ts'
import { stepsOf } from '../history.ts'
import type { Line, Row } from '../row.ts'
import { LONG_ERRAND, LONG_TURNS } from '../script.ts'
import type { Stage } from '../stage.ts'
import { interleaved, median } from '../statistics.ts'
import { workedOn } from '../tasks.ts'
import { ownTimeOf, turnCycles, type Turns } from '../turn-cycles.ts'

const ROUNDS = 3
const EARLY: Turns = { from: 6, to: 14 }
const LATE: Turns = { from: 192, to: 204 }
/** A turn of the model and the tool it calls. */
const ACTIVITIES_A_TURN = 2
/** The child's first activity prepares the workspace. */
const PREPARATION = 1

/** Milliseconds of a turn without the model, at turn 10 and at turn 200. */
interface OwnTime {
  readonly early: number
  readonly late: number
}

/** What a turn costs that is neither the model's nor the tool's time. */
export const ownTime: Row = {
  name: 'own-time',
  latencyMs: 0,
  async measure(stage): Promise<readonly Line[]> {
    const { product, bare } = await interleaved(ROUNDS, {
      product: () => productTime(stage),
      bare: () => bareTime(stage),
    })
    const at = (times: readonly OwnTime[], when: keyof OwnTime) => median(times.map((time) => time[when]))
    const early = at(product, 'early')
    return [
      {
        what: 'own time of a turn with one tool call, turn 10',
        unit: 'ms',
        measured: early,
        baseline: at(bare, 'early'),
        target: { of: 'ratio', bound: 'at most', limit: 1.5 },
        notes: [
          `from one turn to the next in the Builder's history (turns ${EARLY.from} to ${EARLY.to}), less what a plain HTTP client needs for the same model call; the tool does nothing`,
          'baseline: a bare child workflow with as many empty activities, one after another',
        ],
      },
      {
        what: 'own time of a turn, turn 200 against turn 10',
        unit: 'ms',
        measured: at(product, 'late'),
        baseline: early,
        target: { of: 'ratio', bound: 'at most', limit: 1.2 },
        notes: [`turns ${LATE.from} to ${LATE.to}, after a continue-as-new`],
      },
    ]
  },
}

async function productTime(stage: Stage): Promise<OwnTime> {
  const request = { prompt: LONG_ERRAND, constraints: { maxTurns: LONG_TURNS + 10 } }
  const { id } = await workedOn(stage, request)
  const cycles = await turnCycles(stage, id)
  const model = await stage.bareTalk({
    type: 'talk',
    simulator: stage.simulator,
    prompt: LONG_ERRAND,
    turns: LONG_TURNS,
    output: 'Plan shown.',
  })
  return { early: ownTimeOf({ cycles, model, turns: EARLY }), late: ownTimeOf({ cycles, model, turns: LATE }) }
}

async function bareTime(stage: Stage): Promise<OwnTime> {
  const activities = PREPARATION + ACTIVITIES_A_TURN * (EARLY.to + 1)
  const plan: BarePlan = { steps: [{ kind: 'seat' }, { kind: 'child', activities }, { kind: 'release' }] }
  const { workflowId } = await (await stage.bareTemporal()).start(plan)
  await stage.temporal.workflow.getHandle(workflowId).result()
  const child = (await stepsOf(stage.temporal, workflowId)).find(({ kind }) => kind === 'child')
  const steps = (await stepsOf(stage.temporal, child?.name ?? '')).slice(PREPARATION)
  const cycles = steps.flatMap((step, index) => {
    const next = steps[index + ACTIVITIES_A_TURN]
    return index % ACTIVITIES_A_TURN === 0 && next ? [next.scheduledAt - step.scheduledAt] : []
  })
  return { early: median(cycles.slice(EARLY.from - 1, EARLY.to)), late: Number.NaN }
}
