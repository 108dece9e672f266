import { continueAsNew, setHandler, workflowInfo } from '@temporalio/workflow'
import type { BuildInput, BuildOutcome, PlannedCall } from '../domain/contracts.ts'
import { CONTINUE_AS_NEW_BYTES, CONTINUE_AS_NEW_EVENTS } from '../domain/limits.ts'
import { stepsOn, turnsOn } from './builder-activities.ts'
import { interruptSignal } from './messages.ts'

/**
 * One Builder run: model turns and tool calls on one seat, until the model considers the work done, a person is
 * needed, or the run is interrupted. Everything it needs to go on stands in the store, so any later run continues it.
 */
export async function buildTask(input: BuildInput): Promise<BuildOutcome> {
  let interrupted = false
  setHandler(interruptSignal, () => void (interrupted = true), { description: 'Stop at the next step boundary.' })
  const { fence } = input
  const { runTool } = stepsOn(input.queue)
  const { takeTurn } = turnsOn(input.queue)
  let { turn, costUsd } = input

  for (; ; turn++) {
    if (interrupted) return { type: 'interrupted', costUsd }
    const summary = `${input.builder} · turn ${turn}`
    const answer = await takeTurn.executeWithOptions({ summary }, [{ ...fence, turn }])
    if (answer.type === 'budget-reached') return { type: 'waiting', wait: { for: 'budget' }, costUsd }
    if (answer.type === 'looping')
      return { type: 'waiting', wait: { for: 'input', question: answer.question }, costUsd }
    costUsd = answer.costUsd

    for (const call of answer.calls) {
      if (interrupted) return { type: 'interrupted', costUsd }
      // A turn that is asked for again gives the calls that are left of it.
      if (isHistoryLong()) await continueAsNew<typeof buildTask>({ ...input, turn, costUsd })
      const at = { turn, position: call.position }
      if (call.decision === 'ask') return { type: 'waiting', wait: { for: 'approval', ...at }, costUsd }
      await runTool.executeWithOptions({ summary: summaryOf(input, call) }, [{ ...fence, ...at }])
      if (call.kind === 'human') return { type: 'waiting', wait: { for: 'input', ...at }, costUsd }
    }
    if (answer.last) return { type: 'finished', costUsd }
  }
}

const summaryOf = (input: BuildInput, call: PlannedCall): string => `${input.builder} · ${call.summary}`

function isHistoryLong(): boolean {
  const { historyLength, historySize } = workflowInfo()
  return historyLength >= CONTINUE_AS_NEW_EVENTS || historySize >= CONTINUE_AS_NEW_BYTES
}
