import { z } from 'zod'
import { ROLES } from '../permissions.ts'
import { futureTime, optionalText, plainText, priority } from './task-request.ts'

/** Body of `POST /v1/tasks/{id}/messages`. */
export const messageSchema = z.strictObject({
  text: plainText({ max: 32_768 }),
})

/** Body of `POST /v1/tasks/{id}/approvals/{approvalId}`. */
export const decisionSchema = z.strictObject({
  decision: z.enum(['approve', 'reject']),
  comment: optionalText({ max: 8_192 }),
})

/** Body of `POST /v1/tasks/{id}/priority`. */
export const prioritySchema = z.strictObject({ priority })

/** Body of `POST /v1/tasks/{id}/budget`. */
export const budgetSchema = z.strictObject({ budgetUsd: z.number().positive().max(1_000_000) })

/** Body of `POST /v1/keys`. */
export const newKeySchema = (now: () => Date) =>
  z.strictObject({
    name: plainText({ max: 200 }),
    roles: z.array(z.enum(ROLES)).min(1).max(ROLES.length),
    tenant: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'must be letters, digits, dot, dash or underscore')
      .optional(),
    expiresAt: futureTime(now).optional(),
  })

/** An API key without its secret. */
export const keyViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  tenant: z.string(),
  roles: z.array(z.enum(ROLES)),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().optional(),
  revokedAt: z.iso.datetime().optional(),
})
