import { KEPT_CONVERSATION_BYTES, MAX_CONVERSATION_BYTES, MAX_TOOL_OUTPUT_IN_PROMPT } from '../../domain/limits.ts'
import type { Line, Row } from '../row.ts'
import { LOUD_ERRAND, LOUD_OUTPUT_BYTES, LOUD_TURNS } from '../script.ts'
import type { Stage } from '../stage.ts'
import { median } from '../statistics.ts'
import { workedOn } from '../tasks.ts'
import { builderRunOf, ownTimeOf, runsOf, turnCycles, type Turns } from '../turn-cycles.ts'

const ROUNDS = 3
const START: Turns = { from: 6, to: 14 }
/** Once the conversation has as long and as short moments as at the end. */
const FIRST_FULL: Turns = { from: 41, to: 64 }
const END: Turns = { from: LOUD_TURNS - 24, to: LOUD_TURNS - 1 }
const MIB = 1024 * 1024

interface LongTask {
  readonly start: number
  readonly firstFull: number
  readonly end: number
  /** Of the largest run of its Builder workflow. */
  readonly historyMiB: number
}

/** A task of very many turns whose tools say very much: it must not become slower, nor its history too large. */
export const longTurns: Row = {
  name: 'long-turns',
  latencyMs: 0,
  async measure(stage): Promise<readonly Line[]> {
    const tasks: LongTask[] = []
    for (let round = 0; round < ROUNDS; round++) tasks.push(await longTask(stage))
    const what = `${LOUD_TURNS} turns with ${LOUD_OUTPUT_BYTES / 1_000} KB of tool output each`
    return [
      {
        what: `${what}: own time of a turn, end against start`,
        unit: 'ms',
        measured: median(tasks.map(({ end }) => end)),
        baseline: median(tasks.map(({ start }) => start)),
        target: { of: 'ratio', bound: 'at most', limit: 1.2 },
        notes: [
          `turns ${END.from} to ${END.to}, over all lengths the conversation has between two snapshots, against turns ${START.from} to ${START.to}`,
          'less what a plain HTTP client needs for a model call of the same length; the command itself (some milliseconds) counts on both sides',
        ],
      },
      {
        what: `${what}: end against turn 50`,
        unit: 'ms',
        measured: median(tasks.map(({ end }) => end)),
        baseline: median(tasks.map(({ firstFull }) => firstFull)),
        notes: [
          `against turns ${FIRST_FULL.from} to ${FIRST_FULL.to}, when the conversation is as long as at the end: what is left grows with the number of turns`,
        ],
      },
      {
        what: `${what}: history of a run`,
        unit: 'MiB',
        measured: Math.max(...tasks.map(({ historyMiB }) => historyMiB)),
        target: { of: 'value', bound: 'at most', limit: 2 },
        notes: ["the largest run of the Builder workflow, as Temporal's own description tells it"],
      },
    ]
  },
}

async function longTask(stage: Stage): Promise<LongTask> {
  const { id } = await workedOn(stage, { prompt: LOUD_ERRAND, constraints: { maxTurns: LOUD_TURNS + 10 } })
  const cycles = await turnCycles(stage, id)
  const model = await modelTimes(stage)
  const own = (turns: Turns) => ownTimeOf({ cycles, model, turns })
  return { start: own(START), firstFull: own(FIRST_FULL), end: own(END), historyMiB: await largestRun(stage, id) }
}

/** Milliseconds a plain client needs for the model's call of each turn, its conversation as long as the Builder's. */
const modelTimes = (stage: Stage): Promise<readonly number[]> =>
  stage.bareTalk({
    type: 'talk',
    simulator: stage.simulator,
    prompt: LOUD_ERRAND,
    turns: LOUD_TURNS,
    output: 'x'.repeat(MAX_TOOL_OUTPUT_IN_PROMPT),
    forgets: { aboveBytes: MAX_CONVERSATION_BYTES, keepsBytes: KEPT_CONVERSATION_BYTES },
  })

async function largestRun({ temporal }: Stage, taskId: string): Promise<number> {
  const workflowId = await builderRunOf(temporal, taskId)
  const runs = await runsOf(temporal, workflowId)
  const sizes = await Promise.all(
    runs.map(async (runId) => (await temporal.workflow.getHandle(workflowId, runId).describe()).historySize ?? 0),
  )
  return Math.max(...sizes) / MIB
}
