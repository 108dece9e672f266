import type { BarePlan } from '../bare/plan.ts'
import { stepsOf } from '../history.ts'
import type { Line, Row } from '../row.ts'
import { LONG_ERRAND, LONG_TURNS, SHORT_ERRAND, SHORT_TURNS } from '../script.ts'
import type { Stage } from '../stage.ts'
import { interleaved, median } from '../statistics.ts'
import { completedInTemporal, submit } from '../tasks.ts'
import { ownTimeOf, turnCycles, type Turns } from '../turn-cycles.ts'

/** One of a few turns is over in a second, and the machine is never the same from one second to the next. */
const SHORT_ROUNDS = 12
const LONG_ROUNDS = 4
const EARLY: Turns = { from: 6, to: 14 }
const LATE: Turns = { from: 192, to: 204 }
/** A turn of the model and the tool it calls. */
const ACTIVITIES_A_TURN = 2
const SHORT = { prompt: SHORT_ERRAND, turns: SHORT_TURNS } as const
const LONG = { prompt: LONG_ERRAND, turns: LONG_TURNS } as const

/** What a turn costs that is neither the model's nor the tool's time. */
export const ownTime: Row = {
  name: 'own-time',
  latencyMs: 0,
  async measure(stage): Promise<readonly Line[]> {
    const early = await interleaved(SHORT_ROUNDS, {
      product: () => productTime(stage, SHORT, EARLY),
      bare: () => bareTime(stage),
    })
    const late = await interleaved(LONG_ROUNDS, {
      late: () => productTime(stage, LONG, LATE),
      early: () => productTime(stage, SHORT, EARLY),
    })
    return [
      {
        what: 'own time of a turn with one tool call, turn 10',
        unit: 'ms',
        measured: median(early.product),
        baseline: median(early.bare),
        target: { of: 'ratio', bound: 'at most', limit: 1.5 },
        notes: [
          `from one turn to the next in the Builder's history (turns ${EARLY.from} to ${EARLY.to}), less what a plain HTTP client needs for the same model call when it asks as seldom; the tool does nothing`,
          'baseline: a bare child workflow with as many empty activities, one after another',
        ],
      },
      {
        what: 'own time of a turn, turn 200 against turn 10',
        unit: 'ms',
        measured: median(late.late),
        baseline: median(late.early),
        target: { of: 'ratio', bound: 'at most', limit: 1.2 },
        notes: [`turns ${LATE.from} to ${LATE.to}, after a continue-as-new`],
      },
    ]
  },
}

/** Milliseconds of a turn without the model, in the middle of these turns. */
async function productTime(
  stage: Stage,
  { prompt, turns: last }: typeof SHORT | typeof LONG,
  turns: Turns,
): Promise<number> {
  const { id } = await submit(stage, { prompt, constraints: { maxTurns: last + 10 } })
  await completedInTemporal(stage, id)
  const cycles = await turnCycles(stage, id)
  const model = await stage.bareTalk({
    ...{ type: 'talk', simulator: stage.simulator, output: 'Plan shown.' },
    ...{ prompt, turns: last, pauseMs: median([...cycles.values()]) },
  })
  return ownTimeOf({ cycles, model, turns })
}

async function bareTime(stage: Stage): Promise<number> {
  const activities = ACTIVITIES_A_TURN * (EARLY.to + 1)
  const plan: BarePlan = { steps: [{ kind: 'seat' }, { kind: 'child', activities }, { kind: 'release' }] }
  const { workflowId } = await (await stage.bareTemporal()).start(plan)
  await stage.temporal.workflow.getHandle(workflowId).result()
  const child = (await stepsOf(stage.temporal, workflowId)).find(({ kind }) => kind === 'child')
  const steps = await stepsOf(stage.temporal, child?.name ?? '')
  const cycles = steps.flatMap((step, index) => {
    const next = steps[index + ACTIVITIES_A_TURN]
    return index % ACTIVITIES_A_TURN === 0 && next ? [next.scheduledAt - step.scheduledAt] : []
  })
  return median(cycles.slice(EARLY.from - 1, EARLY.to))
}
