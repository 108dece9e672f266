import { z } from 'zod'
import { TASK_KINDS, TASK_STATES } from '../task.ts'

const limit = z.coerce.number().pipe(z.int().min(1).max(200)).default(50)

/** Paging of every list. */
export const pageQuerySchema = z.object({ limit, cursor: z.string().min(1).max(500).optional() })

/** Query of `GET /v1/tasks`. */
export const taskQuerySchema = pageQuerySchema.extend({
  state: z.enum(TASK_STATES).optional(),
  kind: z.enum(TASK_KINDS).optional(),
  q: z
    .string()
    .max(500)
    .refine((text) => !text.includes('\0'), 'must not contain NUL')
    .optional(),
})
