import type { WorkflowHandle } from '@temporalio/client'
import { defaultPayloadConverter } from '@temporalio/common'

type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>
type Event = NonNullable<History['events']>[number]

/** An activity as the Manager or a Builder run asked for it. */
export interface Scheduled {
  readonly activity: string
  readonly queue: string
  readonly summary: string | undefined
  readonly priority: number
  readonly fairnessKey: string
}

/** Every event of a workflow's latest run. */
export async function eventsOf(handle: Pick<WorkflowHandle, 'fetchHistory'>): Promise<readonly Event[]> {
  return (await handle.fetchHistory()).events ?? []
}

/** The activities of a workflow's latest run, in order. */
export async function scheduled(handle: Pick<WorkflowHandle, 'fetchHistory'>): Promise<readonly Scheduled[]> {
  return (await eventsOf(handle)).flatMap((event) => {
    const attributes = event.activityTaskScheduledEventAttributes
    if (!attributes) return []
    return [
      {
        activity: attributes.activityType?.name ?? '',
        queue: attributes.taskQueue?.name ?? '',
        summary: summaryOf(event),
        priority: attributes.priority?.priorityKey ?? 0,
        fairnessKey: attributes.priority?.fairnessKey ?? '',
      },
    ]
  })
}

/** What the Temporal Web UI shows beside an event. */
export function summaryOf({ userMetadata }: Event): string | undefined {
  const summary = userMetadata?.summary
  return summary ? defaultPayloadConverter.fromPayload<string>(summary) : undefined
}

/** Sizes of all payloads of a history, in bytes. */
export function payloadSizes(value: unknown): readonly number[] {
  if (typeof value !== 'object' || value === null) return []
  if ('data' in value && value.data instanceof Uint8Array) return [value.data.length]
  return Object.values(value).flatMap(payloadSizes)
}
