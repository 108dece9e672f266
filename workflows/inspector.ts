import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common'
import { setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow'
import type { TaskBrief } from '../domain/contracts.ts'
import { isFinal, type TaskState, type Waiting } from '../domain/task.ts'

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

/** What a Manager is started with; it need not write it once more. */
export const attributesOf = (brief: TaskBrief) => [
  { key: ATTRIBUTES.title, value: brief.title },
  { key: ATTRIBUTES.state, value: brief.state === 'received' ? 'understanding' : brief.state },
  { key: ATTRIBUTES.kind, value: brief.kind },
  { key: ATTRIBUTES.channel, value: brief.channel },
  { key: ATTRIBUTES.tenant, value: brief.tenant },
  ...(brief.repository === undefined ? [] : [{ key: ATTRIBUTES.repository, value: brief.repository }]),
  { key: ATTRIBUTES.priority, value: brief.priority },
  { key: ATTRIBUTES.costUsd, value: 0 },
  { key: ATTRIBUTES.labels, value: [...brief.labels] },
]

/** Everything the Temporal Web UI shows of a task beside its history. */
export interface Inspection {
  readonly brief: TaskBrief
  readonly state: TaskState
  /** The stage it is in, waits in, or ended in. */
  readonly stage: TaskState
  readonly builder?: string | undefined
  readonly waiting?: Waiting | undefined
  readonly costUsd: number
}

/**
 * Fills the list's columns and the details pane of the Temporal Web UI. A write of search attributes costs the server
 * as much as two activities, so a state already shown is not written again, nor one that is over at once.
 */
export function inspect(inspection: Inspection): void {
  setCurrentDetails(detailsOf(inspection))
  const { brief, state, costUsd } = inspection
  if (isPassing(inspection) || workflowInfo().typedSearchAttributes.get(ATTRIBUTES.state) === state) return
  upsertSearchAttributes([
    { key: ATTRIBUTES.title, value: brief.title },
    { key: ATTRIBUTES.state, value: state },
    { key: ATTRIBUTES.kind, value: brief.kind },
    { key: ATTRIBUTES.priority, value: brief.priority },
    { key: ATTRIBUTES.costUsd, value: costUsd },
  ])
}

/** With neither a command to run nor a branch to push, these two take milliseconds. */
const isPassing = ({ brief, state }: Inspection): boolean =>
  (state === 'verifying' || state === 'delivering') && brief.repository === undefined && !brief.isChecked

const STAGES: readonly TaskState[] = ['understanding', 'queued', 'building', 'verifying', 'delivering', 'completed']

/** Whether a state is a stage of the way, and neither a wait nor an unhappy end. */
export const isStage = (state: TaskState): boolean => STAGES.includes(state)

const markOf = (state: TaskState): string => (state === 'completed' ? '✅' : isFinal(state) ? '❌' : '🔵')

function detailsOf({ brief, state, stage, builder, waiting, costUsd }: Inspection): string {
  const current = STAGES.indexOf(stage)
  const stages = STAGES.map(
    (name, index) => `- ${index < current ? '✅' : index === current ? markOf(state) : '⚪'} ${name}`,
  )
  return [
    `**${brief.title}** · ${brief.repository ?? 'no repository'}`,
    '',
    `State: \`${state}\` · Builder: ${builder ?? '–'} · Cost: $${costUsd.toFixed(4)}`,
    ...(waiting ? ['', `Waits for **${waiting.for}**${waiting.question ? `: ${waiting.question}` : ''}`] : []),
    '',
    ...stages,
  ].join('\n')
}
