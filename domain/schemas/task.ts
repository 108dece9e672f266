import { z } from 'zod'
import { TASK_EVENT_TYPES } from '../events.ts'
import { APPROVAL_MODES, TASK_KINDS, TASK_STATES } from '../task.ts'

const time = z.iso.datetime({ offset: true })
const count = z.int().min(0)

/** A task as the API answers it. */
export const taskViewSchema = z.object({
  id: z.string(),
  title: z.string(),
  kind: z.enum(TASK_KINDS),
  state: z.enum(TASK_STATES),
  priority: z.int().min(1).max(5),
  prompt: z.string(),
  repository: z.object({ url: z.string(), ref: z.string().optional() }).nullable(),
  acceptance: z
    .object({
      setup: z.array(z.string()).optional(),
      commands: z.array(z.string()),
      protectedPaths: z.array(z.string()).optional(),
    })
    .nullable(),
  constraints: z.object({
    budgetUsd: z.number().optional(),
    maxTurns: z.int().optional(),
    deadline: time.optional(),
    approvalMode: z.enum(APPROVAL_MODES).optional(),
    network: z.enum(['none', 'allowlist']).optional(),
  }),
  labels: z.array(z.string()),
  channel: z.string(),
  requester: z.string(),
  tenant: z.string(),
  createdAt: time,
  updatedAt: time,
  endedAt: time.optional(),
  builder: z.object({ id: z.string(), attempt: z.int() }).optional(),
  progress: z.object({
    turn: count,
    maxTurns: count,
    plan: z.array(
      z.object({
        text: z.string(),
        status: z.enum(['pending', 'in_progress', 'completed', 'cancelled']),
        taskId: z.string().optional(),
      }),
    ),
    lastEvent: z.string(),
  }),
  waiting: z
    .object({
      for: z.enum(['input', 'approval', 'budget']),
      approvalId: z.string().optional(),
      question: z.string().optional(),
      tool: z.string().optional(),
      callHash: z
        .string()
        .regex(/^[0-9a-f]{12}$/)
        .describe('The first digits of the SHA-256 over name and arguments of the call that is asked for.')
        .optional(),
      expiresAt: time.optional(),
    })
    .optional(),
  cost: z.object({
    usd: z.number(),
    inputTokens: count,
    outputTokens: count,
    thoughtTokens: count,
    cachedTokens: count,
    modelCalls: count,
  }),
  result: z
    .object({
      summary: z.string(),
      branch: z.string().optional(),
      commit: z.string().optional(),
      diffstat: z.object({ files: count, insertions: count, deletions: count }).optional(),
      verdict: z.enum(['passed', 'failed', 'not_run']),
      pullRequest: z.string().optional(),
    })
    .optional(),
  error: z.object({ code: z.string(), message: z.string(), retryable: z.boolean() }).optional(),
  retryOf: z.string().optional(),
  parentId: z.string().optional(),
  /** Where one task is read, once somebody was told about it. */
  notifications: z
    .object({ pending: count, sent: count, unknown: count, failed: count, doubled: count })
    .optional()
    .meta({
      description:
        'Messages and callbacks about the task; of `unknown` nobody can tell whether they arrived, `doubled` arrived twice.',
    }),
  links: z.object({
    self: z.string(),
    events: z.string(),
    patch: z.string(),
    temporal: z.string().nullable(),
    web: z.string(),
  }),
})

export type TaskView = z.output<typeof taskViewSchema>

/** One event; the fields of its type stand beside these. */
export const taskEventSchema = z.looseObject({
  sequence: z.int().min(1),
  at: time,
  type: z.enum(TASK_EVENT_TYPES),
  taskId: z.string(),
})
