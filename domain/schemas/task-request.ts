import { z } from 'zod'
import { APPROVAL_MODES, DEFAULT_MAX_TURNS, TASK_KINDS } from '../task.ts'

const MAX_PROMPT = 32_768
const MAX_COMMAND = 8_192
const MAX_BUDGET_USD = 1_000_000

/** Text without NUL: PostgreSQL cannot hold it and no command line can. */
export const plainText = (limits: { readonly min?: number; readonly max: number }) =>
  z
    .string()
    .min(limits.min ?? 1)
    .max(limits.max)
    .refine((text) => !text.includes('\0'), 'must not contain NUL')

/** A path or glob below the repository's root. */
const pathPattern = plainText({ max: 1_024 })
  .refine((path) => !path.startsWith('/') && !/^[A-Za-z]:/.test(path), 'must be relative to the repository root')
  .refine((path) => !path.split(/[\\/]/).includes('..'), 'must not contain ..')

export const acceptanceSchema = z.strictObject({
  setup: z
    .array(plainText({ max: MAX_COMMAND }))
    .max(50)
    .optional(),
  commands: z.array(plainText({ max: MAX_COMMAND })).max(50),
  protectedPaths: z.array(pathPattern).max(500).optional(),
})

const repositorySchema = z.strictObject({
  url: plainText({ max: 2_048 }),
  ref: plainText({ max: 255 }).refine(isRefName, 'is not a branch, tag or commit').optional(),
})

/** RFC 3339 in the future, as of `now`. */
const deadlineSchema = (now: () => Date) =>
  z.iso.datetime({ offset: true }).refine((deadline) => Date.parse(deadline) > now().getTime(), 'must be in the future')

/** Body of `POST /v1/tasks`. Unknown fields are refused. */
export const taskRequestSchema = (now: () => Date) =>
  z.strictObject({
    prompt: plainText({ max: MAX_PROMPT }).refine((prompt) => prompt.trim() !== '', 'must not be blank'),
    title: plainText({ max: 200 }).optional(),
    kind: z.enum(TASK_KINDS).optional(),
    repository: repositorySchema.optional(),
    acceptance: acceptanceSchema.optional(),
    constraints: z
      .strictObject({
        budgetUsd: z.number().positive().max(MAX_BUDGET_USD).optional(),
        maxTurns: z.int().min(1).max(1_000).default(DEFAULT_MAX_TURNS).optional(),
        deadline: deadlineSchema(now).optional(),
        approvalMode: z.enum(APPROVAL_MODES).optional(),
        network: z.enum(['none', 'allowlist']).optional(),
      })
      .optional(),
    priority: z.literal([1, 2, 3, 4, 5]).optional(),
    labels: z
      .array(plainText({ max: 100 }))
      .max(50)
      .optional(),
    callbackUrl: plainText({ max: 2_048 }).optional(),
  })

/** The rules of git's own `check-ref-format`, and nothing an option could be made of. */
function isRefName(ref: string): boolean {
  return /^[\w./+@-]+$/.test(ref) && !/^[-./]|\.\.|\/\/|@\{|\/\.|\.lock(\/|$)|[./]$/.test(ref) && ref !== '@'
}
