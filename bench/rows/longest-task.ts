import type { Line, Row } from '../row.ts'
import { LOUDEST } from '../script.ts'
import { workedOn } from '../tasks.ts'
import { builderRunsOf } from '../turn-cycles.ts'

const MIB = 1024 * 1024

/** The longest task anybody may ask for stays within what Temporal and the model's service take. */
export const longestTask: Row = {
  name: 'longest-task',
  latencyMs: 0,
  async measure(stage): Promise<readonly Line[]> {
    const { prompt, turns, outputBytes } = LOUDEST
    const { id } = await workedOn(stage, { prompt, constraints: { maxTurns: turns + 10 } })
    const histories = await builderRunsOf(stage.temporal, id)
    const requests = (await stage.modelRequests()).filter(({ taskMatch }) => taskMatch === prompt)
    const what = `${turns} turns with ${outputBytes / 1e6} MB of tool output each`
    return [
      {
        ...{ what: `${what}: history of a run`, unit: 'MiB', measured: Math.max(...histories) },
        target: { of: 'value', bound: 'at most', limit: 2 },
        notes: [`the largest of ${histories.length} runs the Builder workflow continued in`],
      },
      {
        ...{ what: `${what}: request to the model`, unit: 'MiB' },
        measured: Math.max(...requests.map(({ bytes }) => bytes)) / MIB,
        target: { of: 'value', bound: 'at most', limit: 1 },
        notes: [`the largest of ${requests.length}, as the simulator received them`],
      },
    ]
  },
}
