import { z } from '@hono/zod-openapi'
import {
  budgetSchema,
  decisionSchema,
  keyViewSchema,
  messageSchema,
  newKeySchema,
  prioritySchema,
} from '../domain/schemas/control-requests.ts'
import { taskRequestSchema } from '../domain/schemas/task-request.ts'
import { taskEventSchema, taskViewSchema } from '../domain/schemas/task.ts'

/** A copy, because only schemas made after the OpenAPI extension was loaded can carry a name. */
const named = <T extends z.ZodType>(name: string, schema: T): T => schema.clone().openapi(name)

/** The schemas of the domain under the names they have in the OpenAPI document. */
export const taskAnswer = named('Task', taskViewSchema)
export const eventAnswer = named('TaskEvent', taskEventSchema)
export const taskBody = (now: () => Date) => named('TaskRequest', taskRequestSchema(now))
export const messageBody = named('Message', messageSchema)
export const decisionBody = named('Decision', decisionSchema)
export const priorityBody = named('NewPriority', prioritySchema)
export const budgetBody = named('NewBudget', budgetSchema)
export const keyBody = (now: () => Date) => named('NewKey', newKeySchema(now))
export const keyAnswer = named('Key', keyViewSchema)

/** RFC 9457, with a stable code and, for bad input, every fault at its place. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
})

/** A page of a list. */
export const pageOf = (item: z.ZodType) => z.object({ items: z.array(item), nextCursor: z.string().nullable() })

/** Parameters of the path `/v1/tasks/{id}/…`. */
export const taskParameters = z.object({ id: z.string().openapi({ description: 'The id of a task.' }) })
export const approvalParameters = taskParameters.extend({ approvalId: z.string() })

/** A repeated request with the same key is one request. */
export const idempotencyHeaders = z.object({
  'Idempotency-Key': z.string().min(1).max(255).optional().openapi({
    pattern: '^[\\x20-\\x7e]+$',
    description: 'The same key with the same body gives the same task; with another body it is refused (422).',
  }),
})

/** Where a stream goes on after it broke. */
export const resumeHeaders = z.object({
  'Last-Event-ID': z
    .string()
    .optional()
    .openapi({ pattern: '^\\d{0,9}$', description: 'Sequence of the last event seen.' }),
})

/** Where the created or accepted thing is found. */
export const locationHeaders = z.object({ Location: z.string().openapi({ description: 'Path of the task.' }) })
