import { z } from 'zod'
import { globMatcher } from '../glob.ts'
import { APPROVAL_MODES, DEFAULT_MAX_TURNS, TASK_KINDS } from '../task.ts'

const MAX_PROMPT = 32_768
const MAX_COMMAND = 8_192
const MAX_BUDGET_USD = 1_000_000
const MAX_LABELS_BYTES = 2_048

/** Text without NUL: PostgreSQL cannot hold it and no command line can. */
const storableText = (limits: { readonly max: number }) =>
  z
    .string()
    .max(limits.max)
    .refine((text) => !text.includes('\0'), 'must not contain NUL')

/** Text that says something. Lengths count characters, not UTF-16 units. */
export const plainText = (limits: { readonly max: number }) =>
  storableText(limits)
    .min(1, { abort: true })
    .regex(/\S/, 'must not be blank')
    .meta({ pattern: '^[^\\u0000]*\\S[^\\u0000]*$' })

/** Text that may be empty. */
export const optionalText = (limits: { readonly max: number }) =>
  storableText(limits).meta({ pattern: '^[^\\u0000]*$' }).optional()

/** RFC 3339 in the future, as of `now`; `t` and `z` may be small. */
export const futureTime = (now: () => Date) =>
  z
    .preprocess(
      (time) => (typeof time === 'string' ? time.toUpperCase() : time),
      z.iso.datetime({ offset: true, abort: true, error: 'is not an RFC 3339 time such as 2030-01-31T12:00:00Z' }),
    )
    .refine((time) => Date.parse(time) > now().getTime(), 'must be in the future')

/** 1 is served first. */
export const priority = z.literal([1, 2, 3, 4, 5]).meta({ type: 'integer', enum: [1, 2, 3, 4, 5] })

/** What is left of a glob between its separators and alternatives must not lead upwards. */
const UPWARDS = /(^|[/{(,|])\.\.($|[/}),|])/

/** A path or glob below the repository's root, with the `/` of git on every system. */
const pathPattern = plainText({ max: 1_024 })
  .refine((path) => !path.startsWith('/') && !/^[A-Za-z]:/.test(path), 'must be relative to the repository root')
  .refine((path) => !path.includes('\\'), 'must not contain a backslash; use /')
  .refine((path) => !UPWARDS.test(path), 'must not contain ..')
  .refine(isGlob, 'stands for too many paths')

export const acceptanceSchema = z.strictObject({
  setup: z
    .array(plainText({ max: MAX_COMMAND }))
    .max(50)
    .optional(),
  commands: z.array(plainText({ max: MAX_COMMAND })).max(50),
  protectedPaths: z.array(pathPattern).max(500).optional(),
})

/** Temporal keeps them as one search attribute; a task with larger ones could never be started. */
const labelsSchema = z
  .array(plainText({ max: 100 }))
  .max(50)
  .refine(
    (labels) => utf8Length(JSON.stringify(labels)) <= MAX_LABELS_BYTES,
    `must not be larger than ${MAX_LABELS_BYTES} bytes of JSON together`,
  )

const repositorySchema = z.strictObject({
  url: plainText({ max: 2_048 }),
  ref: plainText({ max: 255 }).refine(isRefName, 'is not a branch, tag or commit').optional(),
})

/** Body of `POST /v1/tasks`. Unknown fields are refused. */
export const taskRequestSchema = (now: () => Date) =>
  z.strictObject({
    prompt: plainText({ max: MAX_PROMPT }),
    title: plainText({ max: 200 }).optional(),
    kind: z.enum(TASK_KINDS).optional(),
    repository: repositorySchema.optional(),
    acceptance: acceptanceSchema.optional(),
    constraints: z
      .strictObject({
        budgetUsd: z.number().positive().max(MAX_BUDGET_USD).optional(),
        maxTurns: z.int().min(1).max(1_000).default(DEFAULT_MAX_TURNS).optional(),
        deadline: futureTime(now).optional(),
        approvalMode: z.enum(APPROVAL_MODES).optional(),
        network: z.enum(['none', 'allowlist']).optional(),
      })
      .optional(),
    priority: priority.optional(),
    labels: labelsSchema.optional(),
    callbackUrl: plainText({ max: 2_048 }).meta({ format: 'uri', pattern: '^https://' }).optional(),
  })

/** The rules of git's own `check-ref-format`, and nothing an option could be made of. */
function isRefName(ref: string): boolean {
  return /^[\w./+@-]+$/.test(ref) && !/^[-./]|\.\.|\/\/|@\{|\/\.|\.lock(\/|$)|[./]$/.test(ref) && ref !== '@'
}

const utf8Length = (text: string): number =>
  [...text].reduce((length, character) => {
    const point = character.codePointAt(0) ?? 0
    return length + (point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4)
  }, 0)

function isGlob(pattern: string): boolean {
  try {
    globMatcher(pattern)
    return true
  } catch {
    return false
  }
}
