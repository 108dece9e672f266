import type { Client } from '@temporalio/client'
import { TASK_QUEUES } from '../domain/contracts.ts'
import type { BarePlan, BareStep } from './bare/plan.ts'

/** A step of a workflow as its history tells it, in the order it was asked for. */
export interface HistoryStep {
  readonly kind: 'activity' | 'child' | 'attribute'
  readonly name: string
  readonly queue: string
  readonly scheduledAt: number
  /** When a worker took it; only of activities. */
  readonly startedAt?: number
  /** First argument, for activities. */
  readonly input?: unknown
}

type Events = NonNullable<Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>['events']>

/** The steps of one run of a workflow; the newest run when none is named. */
export async function stepsOf(client: Client, workflowId: string, runId?: string): Promise<readonly HistoryStep[]> {
  const events = (await client.workflow.getHandle(workflowId, runId).fetchHistory()).events ?? []
  const started = new Map(
    events.flatMap((event) => {
      const scheduled = event.activityTaskStartedEventAttributes?.scheduledEventId
      return scheduled ? [[String(scheduled), timeOf(event)] as const] : []
    }),
  )
  return events.flatMap((event) => stepOf(event, started))
}

function stepOf(event: Events[number], started: ReadonlyMap<string, number>): HistoryStep[] {
  const scheduledAt = timeOf(event)
  const activity = event.activityTaskScheduledEventAttributes
  const startedAt = started.get(String(event.eventId))
  if (activity)
    return [
      {
        kind: 'activity',
        name: activity.activityType?.name ?? '',
        queue: activity.taskQueue?.name ?? '',
        scheduledAt,
        input: inputOf(activity.input?.payloads?.[0]?.data),
        ...(startedAt !== undefined && { startedAt }),
      },
    ]
  const child = event.startChildWorkflowExecutionInitiatedEventAttributes
  if (child) return [{ kind: 'child', name: child.workflowId ?? '', queue: child.taskQueue?.name ?? '', scheduledAt }]
  const written = event.upsertWorkflowSearchAttributesEventAttributes
  return written ? [{ kind: 'attribute', name: '', queue: '', scheduledAt }] : []
}

/** The empty workflow with the steps of a real task: what it asks of Temporal, without what it does. */
export async function planOf(client: Client, taskId: string): Promise<BarePlan> {
  const steps = await Promise.all(
    (await stepsOf(client, taskId)).map(async (step): Promise<BareStep> => {
      if (step.kind === 'attribute') return { kind: 'attribute' }
      if (step.kind === 'child') return { kind: 'child', activities: (await stepsOf(client, step.name)).length }
      if (step.queue === TASK_QUEUES.manager) return { kind: 'manager' }
      if (step.queue === TASK_QUEUES.gateway) return { kind: 'gateway' }
      if (step.queue === TASK_QUEUES.builders) return { kind: 'seat' }
      return { kind: step.name === 'releaseSeat' ? 'release' : 'builder' }
    }),
  )
  return { steps }
}

function inputOf(data: Uint8Array | null | undefined): unknown {
  return data ? JSON.parse(Buffer.from(data).toString('utf8')) : undefined
}

/** Milliseconds since 1970, with their fraction. */
function timeOf({ eventTime }: Events[number]): number {
  return Number(eventTime?.seconds ?? 0) * 1_000 + (eventTime?.nanos ?? 0) / 1e6
}
