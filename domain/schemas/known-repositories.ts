import { z } from 'zod'
import { acceptanceSchema } from './task-request.ts'

/** Contents of `REPOSITORIES_FILE`: repositories the operator vouches for. */
export const knownRepositoriesSchema = z.array(
  z.strictObject({
    name: z.string().regex(/^[A-Za-z0-9][\w.-]{0,99}$/, 'is not a name of letters, digits, dot, dash and underscore'),
    url: z.string().min(1),
    ref: z.string().min(1).optional(),
    credentialFile: z.string().min(1).optional(),
    keywords: z.array(z.string()).optional(),
    tenants: z.array(z.string()).optional(),
    acceptance: acceptanceSchema.optional(),
    protectedPaths: acceptanceSchema.shape.protectedPaths,
  }),
)

/**
 * A known repository. `credentialFile` holds a token, `user:password`, or for ssh a private key; without `tenants`
 * every tenant may use it.
 */
export type KnownRepository = z.output<typeof knownRepositoriesSchema>[number]
