import { z } from 'zod'
import type { Forge, PullRequest, PullRequestText } from '../../domain/ports/forge.ts'
import type { RepositoryPolicy } from '../git/repository-policy.ts'
import { forgeError, saidIn } from './forge-error.ts'
import { askForge, forgeRepositoryOf, type ForgeAnswer, type ForgeRepository } from './forge-request.ts'

const repositorySchema = z.object({ default_branch: z.string().min(1) })
const pullSchema = z.object({
  number: z.int().positive(),
  html_url: z.url({ protocol: /^https?$/ }),
  state: z.string(),
  head: z.object({ ref: z.string() }),
})
type Pull = z.output<typeof pullSchema>

/** A branch that asks to be taken into another one. */
interface Change {
  readonly repository: ForgeRepository
  readonly branch: string
  readonly base: string
  readonly signal: AbortSignal | undefined
}

/** Pull requests through the REST API of GitHub, GitHub Enterprise, Gitea and Forgejo. */
export function createForge({ resolve }: RepositoryPolicy): Forge {
  return {
    serves: (repository) => resolve(repository).known?.forge !== undefined,
    async pullRequestFor({ repository: named, tenant, branch, text, signal }) {
      const { known, ref } = resolve({ ...named, tenant })
      const repository = forgeRepositoryOf(known)
      const base = ref?.replace(/^refs\/heads\//, '') ?? (await defaultBranch(repository, signal))
      const change = { repository, branch, base, signal }
      return (await find(change)) ?? (await open(change, text))
    },
  }
}

async function defaultBranch(repository: ForgeRepository, signal: AbortSignal | undefined): Promise<string> {
  const answer = await askForge(repository, { signal })
  const { default_branch } = read(repositorySchema, answer, repository)
  return default_branch
}

/** The branch's pull request: the open one, else the newest. */
async function find(change: Change): Promise<PullRequest | undefined> {
  const pulls = change.repository.type === 'github' ? await listed(change) : await looked(change)
  // A filter the forge does not know, it ignores.
  const own = pulls.filter(({ head }) => head.ref === change.branch)
  const pull = own.find(({ state }) => state === 'open') ?? own[0]
  return pull && pullRequestOf(pull)
}

async function listed({ repository, branch, signal }: Change): Promise<readonly Pull[]> {
  const query = new URLSearchParams({ head: `${repository.owner}:${branch}`, state: 'all' })
  const answer = await askForge(repository, { path: `/pulls?${query.toString()}`, signal })
  return read(z.array(pullSchema), answer, repository)
}

/** Gitea lists without a filter for the branch, but knows each pull request by its two branches. */
async function looked({ repository, branch, base, signal }: Change): Promise<readonly Pull[]> {
  const answer = await askForge(repository, { path: `/pulls/${encodeURIComponent(base)}/${branch}`, signal })
  return answer.status === 404 ? [] : [read(pullSchema, answer, repository)]
}

async function open(change: Change, text: PullRequestText): Promise<PullRequest> {
  const { repository, branch: head, base, signal } = change
  const answer = await askForge(repository, { path: '/pulls', body: { ...text, head, base }, signal })
  if (answer.status === 201) return pullRequestOf(read(pullSchema, answer, repository))
  // Another try, whose answer was lost, may have been faster.
  const there = isDuplicate(answer, repository) ? await find(change) : undefined
  if (there) return there
  throw forgeError(answer, repository)
}

/** 422 of GitHub, 409 of Gitea; only the words tell it from other faults. */
const isDuplicate = (answer: ForgeAnswer, repository: ForgeRepository): boolean =>
  (answer.status === 422 || answer.status === 409) && /pull request already exists/i.test(saidIn(answer, repository))

const pullRequestOf = ({ html_url: url, number }: Pull): PullRequest => ({ url, number })

/** The body of a good answer; one of another form counts as none. */
function read<T>(schema: z.ZodType<T>, answer: ForgeAnswer, repository: ForgeRepository): T {
  const parsed = answer.status < 300 ? schema.safeParse(answer.body) : undefined
  if (!parsed?.success) throw forgeError(answer, repository)
  return parsed.data
}
