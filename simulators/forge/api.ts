import type { Answer, WholeRequest } from '../webhook/local-server.ts'
import { readCreateRequest, type CreateRequest } from './create-request.ts'
import type { Operation } from './faults.ts'
import { invalid, notFound, Refusal, type ForgeKind } from './problems.ts'
import type { ForgeRepository, StoredPull } from './repositories.ts'

/** Where the REST API begins. */
export const API_ROOTS = { github: '/api/v3', gitea: '/api/v1' } as const satisfies Record<ForgeKind, string>

/** What a call of the API gives, and what of it the forge did not know. */
interface Called {
  readonly answer: Answer
  readonly strays?: readonly string[]
}

export interface Route {
  readonly operation: Operation
  call(): Called
}

export interface ForgeApiOptions {
  readonly kind: ForgeKind
  /** Of the pages for people. */
  readonly url: () => string
  readonly find: (owner: string, name: string) => ForgeRepository | undefined
  /** Is told the page of each new pull request. */
  readonly onPull?: ((page: string) => void) | undefined
}

/** The part of the REST API that pull requests need. */
export class ForgeApi {
  constructor(private readonly options: ForgeApiOptions) {}

  /** The route of a request; throws what the forge says to one it does not have. */
  route({ method, url, body }: WholeRequest): Route {
    const { kind, find } = this.options
    const path = url.pathname.slice(API_ROOTS[kind].length)
    const [, owner = '', name = '', rest] = /^\/repos\/([\w.-]+)\/([\w.-]+)(?:\/(.+))?$/.exec(path) ?? []
    const repository = find(owner, name)
    if (!repository) throw notFound(kind)
    const asked = `${method} ${rest ?? ''}`
    if (asked === 'GET ') return { operation: 'repository', call: () => this.describe(repository) }
    if (asked === 'GET pulls') return { operation: 'find', call: () => this.list(repository, url.searchParams) }
    if (asked === 'POST pulls') return { operation: 'create', call: () => this.create(repository, body) }
    const [, base, head] = (kind === 'gitea' && /^GET pulls\/([^/]+)\/(.+)$/.exec(asked)) || []
    if (base === undefined || head === undefined) throw notFound(kind)
    const branches = { base: decodeURIComponent(base), head: decodeURIComponent(head) }
    return { operation: 'find', call: () => this.byBranches(repository, branches) }
  }

  private describe(repository: ForgeRepository): Called {
    const { owner, name, fullName, defaultBranch } = repository
    const body = { id: 1, name, full_name: fullName, owner: { login: owner }, private: true }
    return answered(200, { ...body, default_branch: defaultBranch })
  }

  private list(repository: ForgeRepository, query: URLSearchParams): Called {
    const { kind } = this.options
    const known =
      kind === 'github' ? ['head', 'base', 'state', 'sort', 'direction', 'per_page', 'page'] : ['state', 'page']
    const strays = [...query.keys()].filter((name) => !known.includes(name))
    const state = query.get('state') ?? 'open'
    if (!['open', 'closed', 'all'].includes(state))
      throw invalid({ resource: 'PullRequest', code: 'invalid', field: 'state' })
    const head = kind === 'github' ? query.get('head') : null
    const [owner, branch] = head?.split(/:(.*)/s) ?? []
    const fits = (pull: StoredPull) =>
      (state === 'all' || pull.state === state) &&
      // Without a colon GitHub ignores the filter.
      (branch === undefined || (owner === repository.owner && branch === pull.head))
    const pulls = repository.pulls.filter(fits).toReversed()
    return {
      ...answered(
        200,
        pulls.map((pull) => this.shown(repository, pull)),
      ),
      strays,
    }
  }

  private byBranches(repository: ForgeRepository, { base, head }: { base: string; head: string }): Called {
    const pull = repository.pulls.findLast((one) => one.base === base && one.head === head)
    if (!pull) throw notFound(this.options.kind)
    return answered(200, this.shown(repository, pull))
  }

  private create(repository: ForgeRepository, bytes: Buffer): Called {
    const { kind, onPull } = this.options
    const { request, strays } = readCreateRequest(bytes, kind)
    const sha = kind === 'github' ? checkedByGithub(repository, request) : checkedByGitea(repository, request)
    const pull = repository.open({ ...request, sha })
    onPull?.(this.pageOf(repository, pull))
    return { ...answered(201, this.shown(repository, pull)), strays }
  }

  private pageOf({ fullName }: ForgeRepository, { number }: StoredPull): string {
    const { kind, url } = this.options
    return `${url()}/${fullName}/${kind === 'github' ? 'pull' : 'pulls'}/${number}`
  }

  private shown(repository: ForgeRepository, pull: StoredPull): object {
    const { owner, fullName } = repository
    const { number, title, body, state, merged, head, base, sha } = pull
    const branch = (ref: string) => ({ ref, label: `${owner}:${ref}`, repo: { full_name: fullName } })
    return {
      id: number,
      number,
      html_url: this.pageOf(repository, pull),
      ...{ state, title, body, draft: false, merged, user: { login: 'bot' } },
      head: { ...branch(head), sha },
      base: branch(base),
    }
  }
}

const answered = (status: number, body: object): Called => ({ answer: { kind: 'answer', status, body } })

/** Compares what is asked with the branches there are; gives the commit of the head. */
function checkedByGithub(repository: ForgeRepository, { head: asked, base }: CreateRequest): string {
  const fault = (field: string) => ({ resource: 'PullRequest', field, code: 'invalid' }) as const
  const custom = (message: string) => ({ resource: 'PullRequest', code: 'custom', message }) as const
  const head = asked.startsWith(`${repository.owner}:`) ? asked.slice(repository.owner.length + 1) : asked
  const sha = repository.commitOf(head)
  if (sha === undefined || repository.commitOf(base) === undefined)
    throw invalid(...(sha === undefined ? [fault('head')] : []), ...(repository.commitOf(base) ? [] : [fault('base')]))
  if (isOpen(repository, { head, base }))
    throw invalid(custom(`A pull request already exists for ${repository.owner}:${head}.`))
  if (repository.ahead(base, head) === 0) throw invalid(custom(`No commits between ${base} and ${head}`))
  return sha
}

function checkedByGitea(repository: ForgeRepository, { head, base }: CreateRequest): string {
  if (head === base) throw new Refusal(422, 'Invalid PullRequest: There are no changes between the head and the base')
  const sha = repository.commitOf(head)
  if (sha === undefined || repository.commitOf(base) === undefined) throw notFound('gitea')
  const there = isOpen(repository, { head, base })
  if (!there) return sha
  const ids = `id: ${there.number}, issue_id: ${there.number}, head_repo_id: 1, base_repo_id: 1`
  const targets = `[${ids}, head_branch: ${head}, base_branch: ${base}]`
  throw new Refusal(409, `pull request already exists for these targets ${targets}`)
}

const isOpen = ({ pulls }: ForgeRepository, { head, base }: Pick<CreateRequest, 'head' | 'base'>) =>
  pulls.find((pull) => pull.state === 'open' && pull.head === head && pull.base === base)
