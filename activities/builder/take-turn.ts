import type { BuilderActivities, PlannedCall, TurnOutcome } from '../../domain/contracts.ts'
import { GatewayError } from '../../domain/errors.ts'
import { LOOPING_CALLS } from '../../domain/limits.ts'
import { decide, type PolicyRule } from '../../domain/policy.ts'
import { faultOf, type ModelAnswer, type ModelClient, type ModelRequest } from '../../domain/ports/model.ts'
import type { Fence, Store, TaskWork, ToolCall } from '../../domain/ports/store.ts'
import { costOf } from '../../domain/prices.ts'
import { summarise } from '../../domain/tools/summarise.ts'
import { canonicalName, effectOf, toolNamed } from '../../domain/tools/tools.ts'
import { firstMessage, systemInstruction } from '../prompts/builder.ts'
import { declarationsFor } from '../tools/declarations.ts'
import { onSeat } from './on-seat.ts'
import type { SeatTable } from './seat-table.ts'
import type { Workspace, Workspaces } from './workspaces.ts'

export interface TakeTurnDependencies {
  readonly store: Store
  readonly model: ModelClient
  readonly seats: SeatTable
  readonly workspaces: Workspaces
  readonly clock: () => Date
  /** The operator's, beside the approval modes. */
  readonly rules: readonly PolicyRule[]
}

/** One model turn: asked once, paid once, stored before anything comes of it. */
export function createTakeTurn(dependencies: TakeTurnDependencies): Pick<BuilderActivities, 'takeTurn'> {
  const { seats, store, workspaces } = dependencies
  return {
    takeTurn: ({ turn, ...fence }) =>
      onSeat({ seats, fence }, async (signal) => {
        const [start, work] = await Promise.all([
          store.conversations.beginTurn({ ...fence, turn }),
          workspaces.work(fence),
        ])
        if (start.type === 'budget-reached') return { type: 'budget-reached' }
        if (start.type === 'looping') return { type: 'looping', question: questionAbout(start.call) }
        if (start.type === 'turns-reached')
          throw new GatewayError(
            'max_turns',
            `The task used its ${start.maxTurns} turns. Retry it with a higher constraints.maxTurns.`,
          )
        if (start.type === 'answered') return outcomeOf(start.turn.calls, start.spentUsd)
        const request = await requestFor(dependencies, { fence, work, signal })
        const contents = [...request.contents, ...start.contents]
        const answer = await dependencies.model.generate({ ...request, contents })
        const { calls, spentUsd } = await storeAnswer(dependencies, { fence, turn, work, answer })
        seats.noteCalls(fence, calls)
        return outcomeOf(calls, spentUsd)
      }),
  }
}

/** What a person is asked of a model that goes round in circles. */
function questionAbout({ name, args }: Pick<ToolCall, 'name' | 'args'>): string {
  return `The Builder made the same call ${LOOPING_CALLS} times in a row with the same result: ${summarise(name, args)}. Write "continue" to let it go on, or what it should do instead; or cancel the task.`
}

async function requestFor(
  { store, workspaces }: TakeTurnDependencies,
  { fence, work, signal }: { readonly fence: Fence; readonly work: TaskWork; readonly signal: globalThis.AbortSignal },
): Promise<ModelRequest> {
  const { task, request, route } = work
  const profile = route?.profile ?? 'engineering'
  const { approvalMode = 'sandboxed', network = 'none' } = task.constraints
  // A task without a repository needs no files before its first tool.
  const workspace: Pick<Workspace, 'contextFiles' | 'files'> =
    task.repository === null ? { contextFiles: [], files: [] } : await workspaces.of(fence, signal)
  const { attachments = [] } = request
  const attached = attachments.length === 0 ? [] : await store.attachments.parts(attachments)
  return {
    signal,
    model: route?.model ?? '',
    systemInstruction: systemInstruction({
      profile,
      approvalMode,
      network,
      acceptance: task.acceptance ?? undefined,
      contextFiles: workspace.contextFiles,
    }),
    tools: declarationsFor({ approvalMode, network }),
    contents: [
      { role: 'user', parts: [{ text: firstMessage({ prompt: task.prompt, files: workspace.files }) }, ...attached] },
    ],
  }
}

/** Stores the answer with its calls and cost; an answer that cannot be used is paid for and refused. */
async function storeAnswer(
  { store, clock, rules }: TakeTurnDependencies,
  turn: { readonly fence: Fence; readonly turn: number; readonly work: TaskWork; readonly answer: ModelAnswer },
): ReturnType<Store['conversations']['finishTurn']> {
  const { answer, work, fence } = turn
  const usd = costOf({ model: answer.model, usage: answer.usage, at: clock().toISOString() })
  const paid = { model: answer.model, usage: answer.usage, usd, turn: turn.turn }
  const fault = faultOf(answer)
  if (fault) {
    await store.conversations.recordCall({ taskId: fence.taskId, ...paid })
    throw fault
  }
  const answered = { parts: answer.parts, finishReason: answer.finishReason, calls: plannedCalls(answer, work, rules) }
  return store.conversations.finishTurn({ ...fence, ...paid, ...answered }).catch(async (error: unknown) => {
    // An answer that came too late changes nothing, but somebody pays for it.
    if (error instanceof GatewayError && error.code === 'seat_lost')
      await store.conversations.recordCall({ taskId: fence.taskId, ...paid })
    throw error
  })
}

function plannedCalls(answer: ModelAnswer, { task, understanding }: TaskWork, rules: readonly PolicyRule[]) {
  const mode = task.constraints.approvalMode ?? 'sandboxed'
  const risk = understanding?.risk ?? 'medium'
  const network = task.constraints.network ?? 'none'
  return answer.parts
    .flatMap((part) => part.functionCall ?? [])
    .map((call, position) => {
      const name = canonicalName(call.name ?? '')
      const args = call.args ?? {}
      const decision = decide({ mode, risk, effect: effectOf({ name, args, network }), name, args }, rules)
      return { position, id: call.id ?? '', name, args, decision }
    })
}

function outcomeOf(calls: readonly ToolCall[], costUsd: number): TurnOutcome {
  const planned = calls
    .filter((call) => call.state !== 'finished')
    .map(({ turn, position, name, args, decision }): PlannedCall => {
      const kind = toolNamed(name)?.kind === 'human' ? 'human' : 'sandbox'
      return { turn, position, name, summary: summarise(name, args), decision, kind }
    })
  const last = calls.length === 0 || calls.some((call) => call.name === 'complete_task')
  return { type: 'answered', calls: planned, last, costUsd }
}
