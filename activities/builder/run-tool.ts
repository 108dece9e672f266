import type { BuilderActivities } from '../../domain/contracts.ts'
import { GatewayError, type ErrorCode } from '../../domain/errors.ts'
import type { BoundaryAudit } from '../../domain/ports/boundary-audit.ts'
import type { Checkpoint, Fence, Store, ToolCall } from '../../domain/ports/store.ts'
import { toolNamed } from '../../domain/tools/tools.ts'
import { runBuilderTool } from '../tools/run-builder-tool.ts'
import { onSeat } from './on-seat.ts'
import type { SeatTable } from './seat-table.ts'
import type { Workspace, Workspaces } from './workspaces.ts'

export interface RunToolDependencies {
  readonly store: Store
  readonly seats: SeatTable
  readonly workspaces: Workspaces
  readonly audit: BoundaryAudit
}

const UNRECORDABLE: ReadonlySet<ErrorCode> = new Set(['workspace_refused', 'workspace_too_large'])

type At = Fence & { readonly turn: number; readonly position: number }

/**
 * One tool call: its result and the state of the files after it become durable together. A call whose builder died
 * is repeated on files restored to the state before it, so it happens once as far as anybody can see.
 */
export function createRunTool(dependencies: RunToolDependencies): Pick<BuilderActivities, 'runTool'> {
  const { seats, store } = dependencies
  return {
    runTool: ({ turn, position, ...fence }) =>
      onSeat({ seats, fence }, async (signal) => {
        const at: At = { ...fence, turn, position }
        const planned = seats.plannedCall(at)
        if (planned && isOnlyRecorded(planned))
          return perform(dependencies, { at, call: planned, signal, isBegun: false })
        const start = await store.conversations.beginTool(at)
        if (start.type === 'finished' || toolNamed(start.call.name)?.kind === 'human') return
        if (start.call.decision === 'deny') return refuse(store, { at, call: start.call })
        await perform(dependencies, { at, call: start.call, signal, isBegun: true })
      }),
  }
}

/** Has no effect that could be done twice, so nobody need know that it began before it is done. */
const isOnlyRecorded = ({ name, decision, state }: ToolCall): boolean =>
  toolNamed(name)?.kind === 'record' && decision === 'allow' && state === 'pending'

async function refuse(
  store: Store,
  { at, call }: { readonly at: At; readonly call: Pick<ToolCall, 'approvalId'> },
): Promise<void> {
  const error =
    call.approvalId === undefined
      ? 'The approval mode of this task does not allow this call. Propose the change in words instead.'
      : 'This is not the call that was approved, so it was not run. Make it again: it will be asked about anew.'
  await store.conversations.finishTool({ ...at, response: { error }, ok: false, summary: 'refused by policy' })
}

interface CallRun {
  readonly at: At
  readonly call: ToolCall
  readonly signal: globalThis.AbortSignal
  readonly isBegun: boolean
}

async function perform(
  { store, workspaces, audit }: RunToolDependencies,
  { at, call, signal, isBegun }: CallRun,
): Promise<void> {
  const result = await runBuilderTool({ call, workspace: () => workspaces.of(at, signal), signal })
  const { taskId, seat } = at
  for (const attempt of result.blocked ?? [])
    audit.blocked({ ...attempt, taskId, seat, step: `${at.turn}.${at.position}` })
  const workspace = result.changed ? await workspaces.of(at, signal) : undefined
  const { checkpoint, error } = workspace ? await recorded({ workspace, at, signal }) : {}
  await store.conversations.finishTool({
    ...at,
    ...(!isBegun && { unbegun: call }),
    response: error === undefined ? result.response : { ...result.response, error },
    ok: result.ok && error === undefined,
    summary: error === undefined ? result.summary : 'the files cannot be recorded',
    ...(result.output !== undefined && { output: result.output }),
    ...(result.plan && { plan: result.plan }),
    ...(checkpoint && { checkpoint }),
    ...(result.blocked && { blocked: result.blocked }),
  })
  if (workspace && checkpoint) workspace.knownTree = checkpoint.tree
}

interface Change {
  readonly workspace: Workspace
  readonly at: At
  readonly signal: globalThis.AbortSignal
}

/** The state of the files, or why it cannot be recorded: that is the model's to put right, and it can. */
async function recorded(change: Change): Promise<{ readonly checkpoint?: Checkpoint; readonly error?: string }> {
  try {
    const checkpoint = await takeCheckpoint(change)
    return checkpoint ? { checkpoint } : {}
  } catch (error) {
    if (!(error instanceof GatewayError) || !UNRECORDABLE.has(error.code)) throw error
    return { error: error.message }
  }
}

async function takeCheckpoint({ workspace, at, signal }: Change): Promise<Checkpoint | undefined> {
  const snapshot = await workspace.snapshots.take({
    workspace: workspace.directory,
    history: workspace.history,
    bare: workspace.bare,
    base: workspace.base,
    ...(workspace.knownTree !== undefined && { knownTree: workspace.knownTree }),
    text: { message: `Checkpoint ${at.turn}.${at.position}`, at: 0 },
    signal,
  })
  return snapshot.bundle && { commit: snapshot.commit, tree: snapshot.tree, bundle: snapshot.bundle }
}
