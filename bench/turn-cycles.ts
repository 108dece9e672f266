import type { Client } from '@temporalio/client'
import { stepsOf, type HistoryStep } from './history.ts'
import type { Stage } from './stage.ts'
import { median } from './statistics.ts'

/** Turns by their numbers, both included. */
export interface Turns {
  readonly from: number
  readonly to: number
}

/** The middle of what these turns took, in milliseconds, without the model; its times begin with turn 1. */
export function ownTimeOf(measured: {
  readonly cycles: ReadonlyMap<number, number>
  readonly model: readonly number[]
  readonly turns: Turns
}): number {
  const { cycles, model, turns } = measured
  const within = [...cycles].filter(([turn]) => turn >= turns.from && turn <= turns.to)
  return median(within.map(([turn, ms]) => ms - (model[turn - 1] ?? 0)))
}

const MIB = 1024 * 1024

/** History sizes of the runs a task's first Builder continued in, in MiB, as Temporal's own description tells them. */
export async function builderRunsOf(temporal: Client, taskId: string): Promise<readonly number[]> {
  const workflowId = await builderRunOf(temporal, taskId)
  const sizeOf = async (runId: string) =>
    (await temporal.workflow.getHandle(workflowId, runId).describe()).historySize ?? 0
  const sizes = await Promise.all((await runsOf(temporal, workflowId)).map(sizeOf))
  return sizes.map((bytes) => bytes / MIB)
}

/** Workflow id of a task's first Builder run. */
async function builderRunOf(temporal: Client, taskId: string): Promise<string> {
  return (await stepsOf(temporal, taskId)).find(({ kind }) => kind === 'child')?.name ?? ''
}

/** Time from each turn to the next, by the number of the turn; pairs that a continue-as-new parts are left out. */
export async function turnCycles({ temporal }: Stage, taskId: string): Promise<ReadonlyMap<number, number>> {
  const workflowId = await builderRunOf(temporal, taskId)
  const cycles = new Map<number, number>()
  for (const runId of await runsOf(temporal, workflowId)) {
    const turns = (await stepsOf(temporal, workflowId, runId)).filter(({ name }) => name === 'takeTurn')
    for (const [index, step] of turns.entries()) {
      const next = turns[index + 1]
      if (next) cycles.set(turnOf(step), next.scheduledAt - step.scheduledAt)
    }
  }
  return cycles
}

const turnOf = (step: HistoryStep): number => (step.input as { turn: number }).turn

/** The runs of a workflow that continued as new, oldest first. */
async function runsOf(temporal: Client, workflowId: string): Promise<readonly string[]> {
  const last = (await temporal.workflow.getHandle(workflowId).describe()).raw.workflowExecutionInfo
  const first = last?.firstRunId ?? ''
  const runs = [first]
  for (let run = first; ;) {
    const { events } = await temporal.workflow.getHandle(workflowId, run).fetchHistory()
    const next = events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId
    if (!next) return runs
    runs.push((run = next))
  }
}
