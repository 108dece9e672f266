import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common'
import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow'
import type { TaskBrief } from '../domain/contracts.ts'
import type { TaskState, Waiting } from '../domain/task.ts'

/** Search attributes by which tasks are found in Temporal. Never personal data: they are stored unencrypted. */
export const ATTRIBUTES = {
  title: defineSearchAttributeKey('Title', SearchAttributeType.TEXT),
  state: defineSearchAttributeKey('TaskState', SearchAttributeType.KEYWORD),
  kind: defineSearchAttributeKey('TaskKind', SearchAttributeType.KEYWORD),
  channel: defineSearchAttributeKey('Channel', SearchAttributeType.KEYWORD),
  tenant: defineSearchAttributeKey('Tenant', SearchAttributeType.KEYWORD),
  repository: defineSearchAttributeKey('Repository', SearchAttributeType.KEYWORD),
  priority: defineSearchAttributeKey('Priority', SearchAttributeType.INT),
  costUsd: defineSearchAttributeKey('CostUsd', SearchAttributeType.DOUBLE),
  labels: defineSearchAttributeKey('Labels', SearchAttributeType.KEYWORD_LIST),
} as const

/** Everything the Temporal Web UI shows of a task beside its history. */
export interface Inspection {
  readonly brief: TaskBrief
  readonly state: TaskState
  readonly builder?: string | undefined
  readonly waiting?: Waiting | undefined
  readonly costUsd: number
}

/** Fills the list's columns and the details pane of the Temporal Web UI. */
export function inspect(inspection: Inspection): void {
  const { brief, state, costUsd } = inspection
  upsertSearchAttributes([
    { key: ATTRIBUTES.title, value: brief.title },
    { key: ATTRIBUTES.state, value: state },
    { key: ATTRIBUTES.kind, value: brief.kind },
    { key: ATTRIBUTES.priority, value: brief.priority },
    { key: ATTRIBUTES.costUsd, value: costUsd },
  ])
  setCurrentDetails(detailsOf(inspection))
}

const STAGES: readonly TaskState[] = ['understanding', 'queued', 'building', 'verifying', 'delivering', 'completed']
const WAIT_STAGE: TaskState = 'building'

function detailsOf({ brief, state, builder, waiting, costUsd }: Inspection): string {
  const current = STAGES.indexOf(STAGES.includes(state) ? state : WAIT_STAGE)
  const stages = STAGES.map((stage, index) => `- ${index < current ? '✅' : index === current ? '🔵' : '⚪'} ${stage}`)
  return [
    `**${brief.title}** · ${brief.repository ?? 'no repository'}`,
    '',
    `State: \`${state}\` · Builder: ${builder ?? '–'} · Cost: $${costUsd.toFixed(4)}`,
    ...(waiting ? ['', `Waits for **${waiting.for}**${waiting.question ? `: ${waiting.question}` : ''}`] : []),
    '',
    ...stages,
  ].join('\n')
}
