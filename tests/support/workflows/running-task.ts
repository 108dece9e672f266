import type { WorkflowHandle } from '@temporalio/client'
import { vi } from 'vitest'
import type { TaskState } from '../../../domain/task.ts'
import type { manageTask } from '../../../workflows/manage-task.ts'
import type { TaskOutcome, TaskStatus } from '../../../workflows/messages.ts'
import * as messages from '../../../workflows/messages.ts'
import type { FakeTask } from './fake-task.ts'

/** A task whose Manager runs, as people and builders speak to it. */
export class RunningTask {
  constructor(
    readonly handle: WorkflowHandle<typeof manageTask>,
    readonly record: FakeTask,
  ) {}

  get id(): string {
    return this.record.id
  }

  /** Resolves with the Manager's result. On the time-skipping server time flies meanwhile. */
  ended(): Promise<TaskOutcome> {
    return this.handle.result()
  }

  /** Resolves when a try of the step has begun, or the given number of them. */
  reached(name: string, tries = 1): Promise<void> {
    return this.record.when(() => this.record.begun.filter((step) => step.name === name).length >= tries)
  }

  until(state: TaskState): Promise<void> {
    return this.record.when(() => this.record.state === state)
  }

  /** Resolves when its first Builder run has been told to stop: one that hears of it after its last step has nothing left to stop. */
  interrupted(): Promise<void> {
    return this.told(messages.interruptSignal, `build-${this.id}-1`)
  }

  /** Resolves when the signal stands in the history of the Manager, or of the workflow named. */
  async told({ name }: { readonly name: string }, workflowId = this.id): Promise<void> {
    const workflow = this.handle.client.getHandle(workflowId)
    const signals = async () =>
      (await workflow.fetchHistory()).events?.map((event) => event.workflowExecutionSignaledEventAttributes?.signalName)
    await vi.waitUntil(async () => (await signals())?.includes(name), { timeout: 10_000 })
  }

  /** Whether an activity of this type stands completed in the Manager's history. */
  async completed(activity: string): Promise<boolean> {
    const { events } = await this.handle.fetchHistory()
    const scheduled = events?.findLast(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === activity,
    )
    const of = (event: NonNullable<typeof scheduled>) => event.activityTaskCompletedEventAttributes?.scheduledEventId
    return events?.some((event) => scheduled && String(of(event)) === String(scheduled.eventId)) ?? false
  }

  /** The signals it sent to other workflows, in the order of its history: `<name> sent` and `<name> delivered`. */
  async signalsSent(): Promise<readonly string[]> {
    const { events = [] } = await this.handle.fetchHistory()
    const nameOf = (id: unknown) =>
      events?.find(({ eventId }) => String(eventId) === String(id))
        ?.signalExternalWorkflowExecutionInitiatedEventAttributes?.signalName
    return (events ?? []).flatMap((event) => {
      if (event.signalExternalWorkflowExecutionInitiatedEventAttributes) return [`${nameOf(event.eventId)} sent`]
      const delivered = event.externalWorkflowExecutionSignaledEventAttributes
      return delivered ? [`${nameOf(delivered.initiatedEventId)} delivered`] : []
    })
  }

  release(name: string): void {
    this.record.release(name)
  }

  cancel = (): Promise<void> => this.handle.signal(messages.cancelSignal)
  pause = (): Promise<void> => this.handle.signal(messages.pauseSignal)
  resume = (): Promise<void> => this.handle.signal(messages.resumeSignal)
  status = (): Promise<TaskStatus> => this.handle.query(messages.statusQuery)

  say(text: string, file: Pick<messages.SteeringText, 'attachment'> = {}): Promise<'answer' | 'steer'> {
    return this.handle.executeUpdate(messages.steerUpdate, { args: [{ text, from: 'key:1', ...file }] })
  }

  async approve(approvalId: string): Promise<void> {
    await this.handle.executeUpdate(messages.approveUpdate, { args: [{ approvalId, by: 'key:1' }] })
  }

  async reject(approvalId: string): Promise<void> {
    await this.handle.executeUpdate(messages.rejectUpdate, { args: [{ approvalId, by: 'key:1' }] })
  }

  async reprioritise(priority: number): Promise<void> {
    await this.handle.executeUpdate(messages.reprioritiseUpdate, { args: [{ priority }] })
  }

  async raiseBudget(budgetUsd: number): Promise<void> {
    await this.handle.executeUpdate(messages.raiseBudgetUpdate, { args: [{ budgetUsd }] })
  }

  /** What the supervisor says of a builder whose process is gone. */
  async loseSeat(): Promise<void> {
    const { builder } = await this.status()
    const gone = { builder: builder ?? '', reason: 'its process exited' }
    await this.handle.signal(messages.seatLostSignal, gone)
  }
}
