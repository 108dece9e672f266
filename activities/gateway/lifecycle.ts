import type { GatewayActivities, NotedLoss, SeatDemand, Wait } from '../../domain/contracts.ts'
import { GatewayError } from '../../domain/errors.ts'
import type { NewTaskEvent, TaskEvent } from '../../domain/events.ts'
import { ALL_EVENTS } from '../../domain/limits.ts'
import type { BuilderRuns } from '../../domain/ports/builder-runs.ts'
import type { Memory } from '../../domain/ports/memory.ts'
import type { Store } from '../../domain/ports/store.ts'
import type { Warehouse } from '../../domain/ports/warehouse.ts'
import type { Route, RoutingContext } from '../../domain/routing/strategy.ts'
import { conclude, subtaskLines } from '../../domain/subtasks.ts'
import { isFinal, isWaiting, type Task, type TaskState, type Waiting } from '../../domain/task.ts'
import { repairMessage } from '../prompts/builder.ts'
import { mergedMessage } from '../prompts/subtasks.ts'
import { briefOf } from './brief.ts'
import { leaveWait, moveOn } from './leave-wait.ts'
import { createSubtaskActivities, endSubtasks } from './subtasks.ts'

/** An approval nobody gave in a month counts as refused. */
const APPROVAL_DAYS = 30
/** Two of a builder's beats: one that is silent for longer had to be replaced. */
const BEATING_MS = 4_000

export interface LifecycleDependencies {
  readonly store: Store
  readonly runs: BuilderRuns
  readonly memory: Memory
  readonly warehouse: Warehouse
  readonly router: { route(context: RoutingContext): Route }
  readonly models: RoutingContext['models']
  readonly clock: () => Date
}

type Lifecycle = Omit<GatewayActivities, 'understandTask'>

/** The Manager's database steps. Each may be repeated: being there already changes nothing. */
export function createLifecycleActivities(dependencies: LifecycleDependencies): Lifecycle {
  return {
    ...transitions(dependencies),
    ...seating(dependencies),
    ...requests(dependencies),
    ...createSubtaskActivities(dependencies),
  }
}

function transitions({ store, memory, warehouse, clock }: LifecycleDependencies) {
  const { tasks, conversations } = store
  return {
    async awaitHuman({ taskId, wait }) {
      const { waiting, event } = await waitingFor({ store, clock }, { taskId, wait })
      await leaveWait(store, await found(store, taskId), waiting)
      await tasks.move({ taskId, to: `awaiting_${wait.for}`, change: { waiting }, events: [event] })
      return { ...waiting, ...(await seatDemand(store)) }
    },
    async pauseTask({ taskId }) {
      await tasks.move({ taskId, to: 'paused' })
      return seatDemand(store)
    },
    async resumeTask({ taskId, to }) {
      // Ended by a Manager that died right after it: back on its way, a task does not return to the queue.
      if (!isWaiting((await found(store, taskId)).state)) return
      await tasks.move({ taskId, to, change: { waiting: null } })
    },
    async beginVerification({ taskId }) {
      const { moved } = await moveOn(store, { taskId, to: 'verifying', unlessSteered: true })
      return moved
    },
    async requestRepair({ taskId, attempt, outcome }) {
      const task = await found(store, taskId)
      if (task.state !== 'verifying') return
      const { completed, failed } = conclude(await store.tasks.subtasks(taskId))
      const rejected = repairMessage({ log: outcome.log })
      // The Builder of the whole may never have been asked before: it must know whose work it repairs.
      const isNew = completed.length > 0 && task.progress.turn === 0
      const text = isNew ? `${mergedMessage({ completed, failed, conflicts: [] })}\n\n${rejected}` : rejected
      await conversations.tell({ taskId, text, key: `verification ${attempt}` })
      await tasks.move({ taskId, to: 'building' })
    },
    async beginDelivery({ taskId }) {
      await tasks.move({ taskId, to: 'delivering' })
    },
    async endTask({ taskId, state, result, error }) {
      const change = { ...(result && { result }), ...(error && { error }) }
      const data = { state, verdict: result?.verdict ?? null, code: error?.code ?? null }
      const end = { taskId, to: state, change, events: [{ type: 'task-ended', data }] } as const
      const task = await tasks.move(end).then(
        (ended) => ended.task,
        (refusal: unknown) => endedOtherwise(store, { taskId, refusal }),
      )
      // A sub-task is remembered and counted as a part of the whole.
      if (task.parentId !== undefined) return briefOf(task)
      if (subtaskLines(task.progress.plan).length > 0) await endSubtasks(store, taskId)
      if (task.state !== state) return briefOf(task)
      await memory.remember(signatureOf(task))
      await warehouse.record(historyOf(task, clock().toISOString()))
      return briefOf(task)
    },
  } satisfies Partial<Lifecycle>
}

function seating({ store, runs, router, models }: LifecycleDependencies) {
  return {
    async queueTask({ taskId }) {
      const { task, understanding, route: known } = await store.tasks.work(taskId)
      const route =
        known ??
        router.route({
          taskId,
          kind: task.kind,
          priority: task.priority,
          risk: understanding?.risk ?? 'medium',
          repositoryUrl: task.repository?.url,
          models,
        })
      const data = { priority: task.priority, strategy: route.strategy, model: route.model, profile: route.profile }
      // On its way already, as a Manager that died left it: there it stays, as with any lost seat.
      if (task.state !== 'building')
        await store.tasks.move({ taskId, to: 'queued', change: { route }, events: [{ type: 'task-queued', data }] })
      return route
    },
    async assignBuilder({ taskId, seat, builder, attempt }) {
      const change = { builder: { id: builder, seat, attempt } }
      const events: NewTaskEvent[] = [{ type: 'builder-assigned', data: { builder, seat, attempt } }]
      const { task, ...before } = await store.tasks.move({ taskId, from: 'queued', to: 'building', change, events })
      if (before.moved || before.seat >= seat) return
      // As the sweeper leaves it behind: no builder could do anything for it any more.
      if (isFinal(task.state)) throw new GatewayError('conflict', `${taskId} has ended already (${task.state}).`)
      await leaveWait(store, task)
      await store.tasks.note({ taskId, change, events })
    },
    async noteBuilderLost({ taskId, seat, builder, run, reason, answered }) {
      // Its builder may be gone for ever, or wake up: nobody may go on there.
      await runs.end({ id: run, reason: `${builder}: ${reason}` })
      const events = await store.tasks.events({ taskId, after: 0, limit: ALL_EVENTS })
      // Repeated when the answer to the first note was lost, or the Manager's own step after it.
      const noted = events.find(({ type, data }) => type === 'builder-lost' && data['seat'] === seat)
      if (noted) return lossIn(noted.data)
      const { state } = await found(store, taskId)
      // Ended by the sweeper or an operator: every step is refused, on whatever seat.
      if (isFinal(state)) throw new GatewayError('conflict', `${taskId} is ${state}; no other builder is needed.`)
      const loss: NotedLoss = {
        step: await currentStep(store, { taskId, state }),
        reason: reason.slice(0, 300),
        builderGone: !answered && !(await store.builders.beats(builder, BEATING_MS)),
      }
      await store.tasks.note({ taskId, events: [{ type: 'builder-lost', data: { builder, seat, ...loss } }] })
      return loss
    },
  } satisfies Partial<Lifecycle>
}

function requests({ store }: LifecycleDependencies) {
  return {
    receiveMessage: (message) => store.conversations.receive(message),
    decideApproval: (decision) => store.conversations.decideApproval(decision),
    async changeBudget({ taskId, budgetUsd }) {
      await store.tasks.note({ taskId, change: { budgetUsd } })
    },
    async changePriority({ taskId, priority }) {
      await store.tasks.note({ taskId, change: { priority } })
    },
  } satisfies Partial<Lifecycle>
}

const lossIn = ({ step, reason, builderGone }: TaskEvent['data']): NotedLoss => ({
  step: String(step),
  reason: String(reason),
  builderGone: builderGone === true,
})

/** Where the work stands: state, turn and calls done of it. */
async function currentStep(
  store: Store,
  { taskId, state }: { readonly taskId: string; readonly state: TaskState },
): Promise<string> {
  const turn = await store.conversations.nextTurn(taskId)
  const entries = await store.conversations.transcript(taskId)
  const done = entries.filter(
    (entry) => entry['type'] === 'tool' && entry['turn'] === turn && entry['state'] === 'finished',
  )
  return `${state}, turn ${turn}, call ${done.length + 1}`
}

const seatDemand = async ({ tasks }: Store): Promise<SeatDemand> => ({ othersQueue: (await tasks.queued()).count > 0 })

async function waitingFor(
  { store, clock }: Pick<LifecycleDependencies, 'store' | 'clock'>,
  { taskId, wait }: { readonly taskId: string; readonly wait: Wait },
): Promise<{ readonly waiting: Waiting; readonly event: NewTaskEvent }> {
  if (wait.for === 'budget') {
    const { parentId = taskId } = await found(store, taskId)
    const task = await found(store, parentId)
    const data = { spentUsd: task.cost.usd, budgetUsd: task.constraints.budgetUsd }
    return { waiting: { for: 'budget' }, event: { type: 'budget-requested', data } }
  }
  if (wait.for === 'input') {
    const question = 'question' in wait ? wait.question : await questionOf(store, { taskId, ...wait })
    return { waiting: { for: 'input', question }, event: { type: 'input-requested', data: { question } } }
  }
  const expiresAt = new Date(clock().getTime() + APPROVAL_DAYS * 86_400_000).toISOString()
  const { approvalId, callHash, call } = await store.conversations.openApproval({
    taskId,
    turn: wait.turn,
    position: wait.position,
    expiresAt,
  })
  return {
    waiting: { for: 'approval', approvalId, tool: call.name, callHash, expiresAt },
    event: { type: 'approval-requested', data: { approvalId, tool: call.name, args: call.args, callHash, expiresAt } },
  }
}

async function questionOf(
  store: Store,
  at: { readonly taskId: string; readonly turn: number; readonly position: number },
) {
  const call = await store.conversations.call(at)
  const { question } = call.args
  return typeof question === 'string' ? question : 'The model asks for your input.'
}

async function found(store: Store, taskId: string): Promise<Task> {
  const task = await store.tasks.find(taskId)
  if (!task) throw new GatewayError('not_found', `There is no task ${taskId}.`)
  return task
}

/** A task that somebody else has ended meanwhile stays as it is. */
async function endedOtherwise(
  store: Store,
  { taskId, refusal }: { readonly taskId: string; readonly refusal: unknown },
): Promise<Task> {
  const task = await found(store, taskId)
  if (!isFinal(task.state)) throw refusal
  return task
}

const signatureOf = (task: Task) => ({
  id: task.id,
  timestamp: task.createdAt,
  context: `${task.title}\n${task.prompt}`,
  metadata: {
    source: task.channel,
    user: task.requester,
    tenant: task.tenant,
    taskId: task.id,
    kind: task.kind,
    model: '',
    ...(task.repository && { repository: task.repository.url }),
  },
})

const historyOf = (task: Task, endedAt: string) => ({
  taskId: task.id,
  tenant: task.tenant,
  kind: task.kind,
  state: task.state satisfies TaskState,
  verdict: task.result?.verdict ?? 'not_run',
  costUsd: task.cost.usd,
  createdAt: task.createdAt,
  endedAt,
})
