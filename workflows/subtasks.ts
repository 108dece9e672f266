import {
  type ChildWorkflowHandle,
  getExternalWorkflowHandle,
  isCancellation,
  ParentClosePolicy,
  startChild,
  workflowInfo,
} from '@temporalio/workflow'
import { ChildWorkflowFailure } from '@temporalio/common'
import type { TaskBrief } from '../domain/contracts.ts'
import { failureIn } from './failures.ts'
import { gateway } from './gateway-activities.ts'
import { attributesOf } from './inspector.ts'
import type { manageTask } from './manage-task.ts'
import {
  messageReceivedSignal,
  pauseSignal,
  relayedSignal,
  resumeSignal,
  subtaskWaitSignal,
  type Relayed,
  type SubtaskReport,
} from './messages.ts'

type Handle = ChildWorkflowHandle<typeof manageTask>

/** A sub-task that waits for a person. */
type SubtaskWait = Required<SubtaskReport>

/** Text for a task that is built in parts. */
interface Said {
  readonly text: string
  readonly from: string
  readonly key: string
  readonly attachment?: number | undefined
}

/** What a sub-task took it as. */
interface Given {
  readonly taskId: string
  readonly kind: 'answer' | 'steer'
}

/** The first wait of a sub-task, else that all are paused, or that the last has ended. */
export type SubtasksNews = SubtaskWait | 'paused' | 'over' | undefined

/**
 * The Manager's hold on the sub-tasks of its task. People speak to the whole alone: sub-tasks report what they wait for,
 * and get what was said passed on.
 */
export class Subtasks {
  private readonly running = new Map<string, Handle>()
  private readonly waits = new Map<string, SubtaskWait>()
  /** The last signal to each of them, on its way or delivered. */
  private readonly signals = new Map<string, Promise<void>>()
  private isOver = false

  constructor(private readonly whole: { readonly parentId: string; readonly isPaused: () => boolean }) {}

  /** What is to be seen of them at the whole. */
  get news(): SubtasksNews {
    if (this.isOver) return 'over'
    return this.firstWait ?? (this.whole.isPaused() ? 'paused' : undefined)
  }

  /** Runs all of them at once, to whatever end each comes. Cancelled, it ends when the last of them has ended. */
  async run(subtasks: readonly TaskBrief[]): Promise<void> {
    const ends = await Promise.allSettled(subtasks.map((subtask) => this.runOne(subtask)))
    this.isOver = true
    const broken = ends.find((end) => end.status === 'rejected')
    if (broken) throw broken.reason
  }

  /** A sub-task waits, or goes on. */
  reported({ taskId, waiting }: SubtaskReport): void {
    if (waiting && this.running.has(taskId)) this.waits.set(taskId, { taskId, waiting })
    else this.waits.delete(taskId)
  }

  pause(): void {
    for (const taskId of this.running.keys()) this.signal(taskId, (handle) => handle.signal(pauseSignal))
  }

  resume(): void {
    for (const taskId of this.running.keys()) this.signal(taskId, (handle) => handle.signal(resumeSignal))
  }

  tell(taskId: string, relayed: Relayed): void {
    this.signal(taskId, (handle) => handle.signal(relayedSignal, relayed))
  }

  tellAll(relayed: Relayed): void {
    for (const taskId of this.running.keys()) this.tell(taskId, relayed)
  }

  /** Which of them waits for this approval. */
  askingFor(approvalId: string): string | undefined {
    return [...this.waits.values()].find(({ waiting }) => waiting.approvalId === approvalId)?.taskId
  }

  /**
   * Takes text while sub-tasks run: as the answer to the question shown, else as a steer for each of them. Undefined
   * when none takes it any more: then it is for the Builder of the whole.
   */
  async receive(message: Said): Promise<'answer' | 'steer' | undefined> {
    const given = await this.handOut(message)
    if (given.length === 0) return undefined
    const answered = given.find(({ kind }) => kind === 'answer')?.taskId
    // Who took it may fail: then its work is left to the Builder of the whole, and with it what was said.
    const kept = { taskId: this.whole.parentId, ...message, ...(answered !== undefined && { answered }) }
    await gateway.keepMessage(kept)
    for (const { taskId, kind } of given)
      if (kind === 'answer') this.signal(taskId, (handle) => handle.signal(messageReceivedSignal, { kind }))
    return answered === undefined ? 'steer' : 'answer'
  }

  private async handOut(message: Said): Promise<readonly Given[]> {
    const wait = this.firstWait
    if (wait?.waiting.for === 'input') {
      const given = await this.give(wait.taskId, message)
      if (given.length > 0) return given
    }
    const asking = [...this.waits.values()].filter(({ waiting }) => waiting.for === 'input').map(({ taskId }) => taskId)
    const others = [...this.running.keys()].filter((taskId) => !asking.includes(taskId))
    return (await Promise.all(others.map((taskId) => this.give(taskId, message)))).flat()
  }

  /** One after another: the server delivers signals that leave a workflow at once in any order. */
  private signal(taskId: string, send: (handle: Handle) => Promise<void>): void {
    const handle = this.running.get(taskId)
    if (!handle) return
    const before = this.signals.get(taskId) ?? Promise.resolve()
    this.signals.set(taskId, before.then(() => send(handle)).catch(ignoreEnded))
  }

  private get firstWait(): SubtaskWait | undefined {
    return this.waits.values().next().value
  }

  /** Nothing when the sub-task takes no text any more. */
  private async give(taskId: string, message: Said): Promise<readonly Given[]> {
    try {
      return [{ taskId, kind: await gateway.receiveMessage({ taskId, ...message }) }]
    } catch (error) {
      if (failureIn(error).code === 'conflict') return []
      throw error
    }
  }

  private async runOne(subtask: TaskBrief): Promise<void> {
    const { taskId } = subtask
    const { parentId, isPaused } = this.whole
    const handle = await startChild<typeof manageTask>('manageTask', {
      args: [subtask],
      workflowId: taskId,
      // A whole that is ended in Temporal leaves no part of it running.
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      staticSummary: `Part of ${parentId}: ${subtask.title}`.slice(0, 200),
      typedSearchAttributes: attributesOf(subtask),
      memo: { parent: parentId },
      priority: { priorityKey: subtask.priority, fairnessKey: subtask.tenant.slice(0, 64) },
    })
    this.running.set(taskId, handle)
    if (isPaused()) this.signal(taskId, (child) => child.signal(pauseSignal))
    try {
      await handle.result()
    } catch (error) {
      // Ended by hand in Temporal; the store tells how. A cancel of the whole is none of these.
      if (!(error instanceof ChildWorkflowFailure) || isCancellation(error)) throw error
    } finally {
      this.running.delete(taskId)
      this.signals.delete(taskId)
      this.waits.delete(taskId)
    }
  }
}

/** It ended in the same moment: there is nobody left to tell. */
const ignoreEnded = (): void => undefined

/** Tells the Manager of the whole, if there is one, before anything else happens: reports keep their order. */
export async function reportWait({ taskId, waiting }: SubtaskReport): Promise<void> {
  const { parent } = workflowInfo()
  if (!parent) return
  const report = { taskId, ...(waiting && { waiting: waitOf(waiting) }) }
  await getExternalWorkflowHandle(parent.workflowId).signal(subtaskWaitSignal, report).catch(ignoreEnded)
}

const waitOf = ({ for: what, approvalId }: NonNullable<SubtaskReport['waiting']>) => ({
  for: what,
  ...(approvalId !== undefined && { approvalId }),
})
