import { setTimeout as delay } from 'node:timers/promises'
import {
  ApplicationFailure,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdReusePolicy,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  type Client,
  type WorkflowHandle,
} from '@temporalio/client'
import type { UpdateDefinition } from '@temporalio/common'
import { TASK_QUEUES } from '../domain/contracts.ts'
import { GatewayError, type ErrorCode } from '../domain/errors.ts'
import type { Store } from '../domain/ports/store.ts'
import type { TaskControl } from '../domain/ports/task-control.ts'
import { isFinal, type Task } from '../domain/task.ts'
import { briefOf } from '../activities/gateway/brief.ts'
import { attributesOf } from '../workflows/inspector.ts'
import type { manageTask } from '../workflows/manage-task.ts'
import * as messages from '../workflows/messages.ts'

/** A Manager that has not answered an update by then is away; the caller may try again. */
const UPDATE_LIMIT_MS = 10_000

/** Starts Managers and speaks to them. */
export function createTaskControl(dependencies: { readonly client: Client; readonly store: Store }): TaskControl {
  const { client, store } = dependencies
  const handleOf = (taskId: string) => client.workflow.getHandle<typeof manageTask>(taskId)
  const start = async (taskId: string, known?: Task) => {
    const task = known ?? (await store.tasks.find(taskId))
    if (task && !isFinal(task.state)) await startManager({ client, store, task })
  }
  const signal = async (taskId: string, send: (handle: WorkflowHandle<typeof manageTask>) => Promise<void>) => {
    await start(taskId, await live(store, taskId))
    await send(handleOf(taskId)).catch((error: unknown) => rethrowEnded(error, taskId))
  }
  const update = async <Result, Argument>(
    { taskId, requestId }: { readonly taskId: string; readonly requestId?: string | undefined },
    definition: UpdateDefinition<Result, [Argument]>,
    argument: Argument,
  ): Promise<Result> => {
    await start(taskId, await live(store, taskId))
    const once = requestId === undefined ? {} : { updateId: requestId }
    const answer = handleOf(taskId).executeUpdate(definition, { args: [argument], ...once })
    return withLimit(answer).catch((error: unknown) => rethrowRefused(error, taskId))
  }
  return {
    start,
    cancel: ({ taskId, requestId }) => signal(taskId, (handle) => handle.signal(messages.cancelSignal, { requestId })),
    pause: ({ taskId, requestId }) =>
      signal(taskId, async (handle) => {
        if ((await handle.query(messages.statusQuery)).paused)
          throw new GatewayError('conflict', `${taskId} is paused, or pauses after the step in progress. Use resume.`)
        await handle.signal(messages.pauseSignal, { requestId })
      }),
    // A pause shows in the state only after the step in progress; it can be taken back before.
    resume: ({ taskId, requestId }) =>
      signal(taskId, async (handle) => {
        if (!(await handle.query(messages.statusQuery)).paused)
          throw new GatewayError('conflict', `${taskId} is not paused.`)
        await handle.signal(messages.resumeSignal, { requestId })
      }),
    async say({ text, from, attachment, ...task }) {
      const file = attachment === undefined ? {} : { attachment }
      await update(task, messages.steerUpdate, { text, from, ...file })
    },
    async decide({ approvalId, decision, comment, by, ...task }) {
      const definition = decision === 'approve' ? messages.approveUpdate : messages.rejectUpdate
      await update(task, definition, { approvalId, by, ...(comment !== undefined && { comment }) })
    },
    reprioritise: ({ taskId, priority }) => update({ taskId }, messages.reprioritiseUpdate, { priority }),
    raiseBudget: ({ budgetUsd, ...task }) => update(task, messages.raiseBudgetUpdate, { budgetUsd }),
    taken: ({ taskId, requestId }) =>
      handleOf(taskId)
        .query(messages.takenQuery, requestId)
        .catch((error: unknown) => {
          // Temporal forgets closed workflows after a while.
          if (error instanceof WorkflowNotFoundError) return false
          throw error
        }),
  }
}

async function startManager({ client, store, task }: { client: Client; store: Store; task: Task }): Promise<void> {
  const brief = briefOf(task)
  try {
    await client.workflow.start<typeof manageTask>('manageTask', {
      workflowId: task.id,
      taskQueue: TASK_QUEUES.manager,
      args: [brief],
      workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
      requestEagerStart: true,
      staticSummary: task.title.slice(0, 200),
      staticDetails: detailsOf(task),
      typedSearchAttributes: attributesOf(brief),
      priority: { priorityKey: task.priority, fairnessKey: task.tenant.slice(0, 64) },
    })
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error
    // Its first move says so too; one whose Manager was ended before that must not be started again and again.
    await store.tasks.markStarted(task.id)
  }
}

/** Static Markdown for the Temporal Web UI: what was asked of the gateway, without the prompt itself. */
function detailsOf(task: Task): string {
  const commands = task.acceptance?.commands ?? []
  return [
    `Priority ${task.priority} · channel ${task.channel} · tenant ${task.tenant}`,
    '',
    ...(commands.length > 0
      ? ['Done when these pass:', '', ...commands.map((command) => `- \`${command}\``)]
      : ['No acceptance commands.']),
  ].join('\n')
}

async function live(store: Store, taskId: string): Promise<Task> {
  const task = await store.tasks.find(taskId)
  if (!task) throw new GatewayError('not_found', `There is no task ${taskId}.`)
  if (isFinal(task.state)) throw ended(taskId, task.state)
  if (task.parentId !== undefined) throw isPart(task.id, task.parentId)
  return task
}

const isPart = (taskId: string, parentId: string): GatewayError =>
  new GatewayError('conflict', `${taskId} is a sub-task of ${parentId}. Send this to ${parentId}, which passes it on.`)

const ended = (taskId: string, state: string): GatewayError =>
  new GatewayError('conflict', `${taskId} has ended (${state}). Use retry to run it again.`)

function rethrowEnded(error: unknown, taskId: string): never {
  if (error instanceof WorkflowNotFoundError) throw ended(taskId, 'its workflow is closed')
  throw error
}

function rethrowRefused(error: unknown, taskId: string): never {
  if (error instanceof WorkflowUpdateFailedError) {
    const failure = causesOf(error).find((cause): cause is ApplicationFailure => cause instanceof ApplicationFailure)
    if (failure) throw new GatewayError((failure.type ?? 'internal') as ErrorCode, failure.message)
  }
  return rethrowEnded(error, taskId)
}

function causesOf(error: Error): readonly Error[] {
  return error.cause instanceof Error ? [error.cause, ...causesOf(error.cause)] : []
}

async function withLimit<T>(answer: Promise<T>): Promise<T> {
  const timer = new AbortController()
  const late = delay(UPDATE_LIMIT_MS, undefined, { signal: timer.signal }).then(() => {
    throw new GatewayError(
      'internal',
      'The task did not answer in time; it may still take the change. Look at it and try again.',
      {
        retryable: true,
      },
    )
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    timer.abort()
    late.catch(() => undefined)
  }
}
