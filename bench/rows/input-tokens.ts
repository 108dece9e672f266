import { JOB, TWO_TOOLS } from '../script.ts'
import type { Line, Row } from '../row.ts'
import { requestFor, workedOn } from '../tasks.ts'

/** What the model is made to read for a task of two tool calls. */
export const inputTokens: Row = {
  name: 'input-tokens',
  latencyMs: 0,
  async measure(stage): Promise<readonly Line[]> {
    const { acceptance: _, ...request } = await requestFor(stage, JOB, TWO_TOOLS)
    const { cost } = await workedOn(stage, request)
    return [
      {
        what: 'input tokens of a two-tool task',
        unit: 'tokens',
        measured: cost.inputTokens,
        target: { of: 'value', bound: 'at most', limit: 9_000 },
        notes: [
          `write a file, run a command, hand in: ${cost.modelCalls} model calls with the understanding, counted by the model (bytes / 4), cached ones included`,
        ],
      },
    ]
  },
}
