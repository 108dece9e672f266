import type { Answer, WholeRequest } from '../webhook/local-server.ts'
import { API_ROOTS, type ForgeApi } from './api.ts'
import { FaultPlan, isCarriedOut } from '../webhook/fault-plan.ts'
import { answerOf, type Fault, type Operation } from './faults.ts'
import { gitPath, hasPassword, passwordWanted, serveGit } from './git-http.ts'
import type { ForgeCall, ForgeLedger } from './ledger.ts'
import { notFound, problem, Refusal, type ForgeKind } from './problems.ts'
import type { ForgeRepository } from './repositories.ts'

/** What came of a request. */
type Outcome = Pick<ForgeCall, 'operation' | 'message' | 'strays' | 'fault'> & { readonly answer: Answer }

export interface DeskOptions {
  readonly kind: ForgeKind
  readonly token: string
  /** Folder of the repositories. */
  readonly root: string
  readonly api: ForgeApi
  readonly ledger: ForgeLedger
  readonly find: (owner: string, name: string) => ForgeRepository | undefined
}

/** Who takes requests in: checks who asks, lets faults happen, writes everything down. */
export class ForgeDesk {
  readonly faults = new FaultPlan<Fault>()

  constructor(private readonly options: DeskOptions) {}

  async answer(request: WholeRequest): Promise<Answer> {
    const { method, url } = request
    const { answer, ...noted } = await this.outcomeOf(request)
    const status = answer.kind === 'answer' ? answer.status : 0
    const path = url.pathname + url.search
    this.options.ledger.add({ at: new Date().toISOString(), method, path, status, ...noted })
    return answer
  }

  private outcomeOf(request: WholeRequest): Promise<Outcome> {
    const isApi = request.url.pathname.startsWith(`${API_ROOTS[this.options.kind]}/`)
    return isApi ? this.callApi(request) : this.callGit(request)
  }

  private async callApi(request: WholeRequest): Promise<Outcome> {
    const { kind, api } = this.options
    let operation: Operation | undefined
    try {
      checkClient(request, this.options)
      const route = api.route(request)
      operation = route.operation
      return await this.withFault(route.operation, () => ({ operation: route.operation, ...route.call() }))
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return { operation, message: error.message, answer: problem(kind, error) }
    }
  }

  private async callGit(request: WholeRequest): Promise<Outcome> {
    const { kind, token, root, find } = this.options
    const operation = 'git'
    const path = gitPath(request.url.pathname)
    if (!hasPassword(request.headers, token)) return { operation, answer: passwordWanted }
    if (!path || !find(path.owner, path.name)) return { operation, answer: problem(kind, notFound(kind)) }
    return this.withFault(operation, async () => ({ operation, answer: await serveGit(request, { ...path, root }) }))
  }

  private async withFault(operation: Operation, carryOut: () => Promise<Outcome> | Outcome): Promise<Outcome> {
    const fault = this.faults.next(operation)
    if (fault === undefined) return carryOut()
    if (isCarriedOut(fault)) await carryOut()
    return { operation, fault, answer: answerOf(fault, this.options.kind) }
  }
}

/** Who may ask at all. */
function checkClient(
  { headers }: WholeRequest,
  { kind, token }: { readonly kind: ForgeKind; readonly token: string },
): void {
  if (!headers['user-agent'])
    throw new Refusal(
      403,
      'Request forbidden by administrative rules. Please make sure your request has a User-Agent header',
    )
  const [, given] = /^(?:Bearer|token) (.+)$/i.exec(headers.authorization ?? '') ?? []
  if (given === token) return
  if (kind === 'gitea') throw new Refusal(401, 'invalid username, password or token')
  throw new Refusal(401, given === undefined ? 'Requires authentication' : 'Bad credentials')
}
