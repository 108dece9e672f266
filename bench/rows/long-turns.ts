import { KEPT_CONVERSATION_BYTES, MAX_CONVERSATION_BYTES, MAX_TOOL_OUTPUT_IN_PROMPT } from '../../domain/limits.ts'
import type { Line, Row } from '../row.ts'
import { LOUD } from '../script.ts'
import type { Stage } from '../stage.ts'
import { median } from '../statistics.ts'
import { workedOn } from '../tasks.ts'
import { builderRunsOf, ownTimeOf, turnCycles, type Turns } from '../turn-cycles.ts'

const ROUNDS = 3
const START: Turns = { from: 6, to: 14 }
/** Once the conversation has as long and as short moments as at the end. */
const FIRST_FULL: Turns = { from: 41, to: 64 }
const END: Turns = { from: LOUD.turns - 24, to: LOUD.turns - 1 }

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
    const what = `${LOUD.turns} turns with ${LOUD.outputBytes / 1_000} KB of tool output each`
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
  const { id } = await workedOn(stage, { prompt: LOUD.prompt, constraints: { maxTurns: LOUD.turns + 10 } })
  const cycles = await turnCycles(stage, id)
  const model = await modelTimes(stage)
  const own = (turns: Turns) => ownTimeOf({ cycles, model, turns })
  return {
    start: own(START),
    firstFull: own(FIRST_FULL),
    end: own(END),
    historyMiB: Math.max(...(await builderRunsOf(stage.temporal, id))),
  }
}

/** Milliseconds a plain client needs for the model's call of each turn, its conversation as long as the Builder's. */
const modelTimes = (stage: Stage): Promise<readonly number[]> =>
  stage.bareTalk({
    type: 'talk',
    simulator: stage.simulator,
    prompt: LOUD.prompt,
    turns: LOUD.turns,
    output: 'x'.repeat(MAX_TOOL_OUTPUT_IN_PROMPT),
    forgets: { aboveBytes: MAX_CONVERSATION_BYTES, keepsBytes: KEPT_CONVERSATION_BYTES },
  })
