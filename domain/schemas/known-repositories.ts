import { z } from 'zod'
import { acceptanceSchema } from './task-request.ts'

const GITHUB = 'https://api.github.com'

/** Root of a REST API: no credential, no query; a slash at its end is left away. */
const API_URL = /^https?:\/\/([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?(\/[\w./~%-]*)?$/i
const apiUrl = z
  .string()
  .regex(API_URL, 'is not an http or https URL without credential and query')
  .transform((url) => url.replace(/\/+$/, ''))

/** Where pull requests are opened. Forgejo speaks as Gitea does. */
const forgeSchema = z.strictObject({ type: z.enum(['github', 'gitea']), apiUrl: apiUrl.default(GITHUB) })

const entry = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][\w.-]{0,99}$/, 'is not a name of letters, digits, dot, dash and underscore'),
  url: z.string().min(1),
  ref: z.string().min(1).optional(),
  credentialFile: z.string().min(1).optional(),
  keywords: z.array(z.string()).optional(),
  tenants: z.array(z.string()).optional(),
  acceptance: acceptanceSchema.optional(),
  protectedPaths: acceptanceSchema.shape.protectedPaths,
  forge: forgeSchema.optional(),
})

/** Contents of `REPOSITORIES_FILE`: repositories the operator vouches for. */
export const knownRepositoriesSchema = z.array(
  entry.superRefine((repository, { addIssue }) => {
    for (const message of forgeFaults(repository)) addIssue({ code: 'custom', path: ['forge'], message })
  }),
)

/** Owner and name in a forge's address of a repository; undefined when it has another form. */
export function ownerAndName(url: string): { readonly owner: string; readonly name: string } | undefined {
  const [, owner, name] = /^https?:\/\/[^/?#]+\/(?:.+\/)?([\w.-]+)\/([\w.-]+?)(?:\.git)?\/?$/.exec(url) ?? []
  return owner === undefined || name === undefined ? undefined : { owner, name }
}

function forgeFaults({ forge, url, credentialFile }: z.output<typeof entry>): readonly string[] {
  if (!forge) return []
  return [
    ...(ownerAndName(url) ? [] : ['needs a url of the form https://host/owner/name']),
    ...(credentialFile === undefined ? ['needs a credentialFile with a token that may open pull requests'] : []),
    ...(forge.apiUrl === GITHUB && !(forge.type === 'github' && /^https:\/\/github\.com\//i.test(url))
      ? ['needs an apiUrl, such as https://host/api/v3 (GitHub Enterprise) or https://host/api/v1 (Gitea, Forgejo)']
      : []),
  ]
}

/**
 * A known repository. `credentialFile` holds a token, `user:password`, or for ssh a private key; without `tenants`
 * every tenant may use it. `forge` is where its pull requests are opened.
 */
export type KnownRepository = z.output<typeof knownRepositoriesSchema>[number]
