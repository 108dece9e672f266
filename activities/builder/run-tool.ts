import type { BuilderActivities } from '../../domain/contracts.ts'
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
}

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
        const start = await store.conversations.beginTool(at)
        if (start.type === 'finished' || toolNamed(start.call.name)?.kind === 'human') return
        if (start.call.decision === 'deny') return refuse(store, at)
        await perform(dependencies, { at, call: start.call, signal })
      }),
  }
}

async function refuse(store: Store, at: At): Promise<void> {
  const error = 'The approval mode of this task does not allow this call. Propose the change in words instead.'
  await store.conversations.finishTool({ ...at, response: { error }, ok: false, summary: 'refused by policy' })
}

async function perform(
  { store, workspaces }: RunToolDependencies,
  { at, call, signal }: { readonly at: At; readonly call: ToolCall; readonly signal: globalThis.AbortSignal },
): Promise<void> {
  const result = await runBuilderTool({ call, workspace: () => workspaces.of(at), signal })
  const workspace = result.changed ? await workspaces.of(at) : undefined
  const checkpoint = workspace && (await takeCheckpoint({ workspace, at, signal }))
  await store.conversations.finishTool({
    ...at,
    response: result.response,
    ok: result.ok,
    summary: result.summary,
    ...(result.output !== undefined && { output: result.output }),
    ...(result.plan && { plan: result.plan }),
    ...(checkpoint && { checkpoint }),
  })
  if (workspace && checkpoint) workspace.knownTree = checkpoint.tree
}

async function takeCheckpoint({
  workspace,
  at,
  signal,
}: {
  readonly workspace: Workspace
  readonly at: At
  readonly signal: globalThis.AbortSignal
}): Promise<Checkpoint | undefined> {
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
