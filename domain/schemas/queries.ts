import { z } from 'zod'
import { TASK_KINDS, TASK_STATES } from '../task.ts'

/** Plain digits: `1e2`, `0x10` and blanks are no page size. */
const limit = z
  .string()
  .regex(/^\d{1,9}$/, 'is not a whole number')
  .transform(Number)
  .pipe(z.int().min(1).max(200))
  .default(50)
  .meta({ type: 'integer', minimum: 1, maximum: 200, default: 50, pattern: undefined })

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
