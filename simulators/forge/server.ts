import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startLocalServer, type Answer, type WholeRequest } from '../webhook/local-server.ts'
import { API_ROOTS, ForgeApi, type Route } from './api.ts'
import { answerOf, FaultPlan, isCarriedOut, type Fault, type Operation } from './faults.ts'
import { gitPath, hasPassword, passwordWanted, serveGit } from './git-http.ts'
import { ForgeLedger, type ForgeCall } from './ledger.ts'
import { problem, Refusal, type ForgeKind } from './problems.ts'
import { makeRepository, type ForgeRepository } from './repositories.ts'

export interface ForgeSimulatorOptions {
  /** `github` without it. */
  readonly kind?: ForgeKind
  readonly token?: string
  /** Who owns the repositories. */
  readonly owner?: string
  /** 0, the default, takes a free one. */
  readonly port?: number
  /** A file that gets a line of JSON for each call, before its answer. */
  readonly ledgerFile?: string
  /** Is told of each pull request. */
  readonly onPull?: (page: string) => void
}

export interface ForgeSimulator {
  readonly kind: ForgeKind
  readonly url: string
  readonly port: number
  /** Root of the REST API. */
  readonly apiUrl: string
  readonly token: string
  readonly ledger: ForgeLedger
  /** A new private repository: a copy of one on this machine, else with a README on `main`. */
  createRepository(name: string, source?: string): ForgeRepository
  /** What clients clone. */
  cloneUrl(name: string): string
  /** Lets the next call (or as many as `times` says, or the next of an operation) fail. */
  failNext(fault: Fault, options?: { readonly times?: number; readonly operation?: Operation }): void
  close(): Promise<void>
}

const TOKEN = 'ghp_simulatedTokenOfTheForge00000000000'

/** What came of a request, before faults. */
type Outcome = Pick<ForgeCall, 'operation' | 'message' | 'strays' | 'fault'> & { readonly answer: Answer }

/** Starts a stand-in for a forge on 127.0.0.1: git's own server, and the REST calls for pull requests. */
export async function startForgeSimulator(options: ForgeSimulatorOptions = {}): Promise<ForgeSimulator> {
  const { kind = 'github', token = TOKEN, owner = 'acme' } = options
  const root = mkdtempSync(join(tmpdir(), 'forge-simulator-'))
  const repositories = new Map<string, ForgeRepository>()
  const ledger = new ForgeLedger(options.ledgerFile)
  const faults = new FaultPlan()
  const find = (of: string, name: string) => repositories.get(`${of}/${name}`)
  const api = new ForgeApi({ kind, url: () => server.url, find })

  async function withFault(operation: Operation, carryOut: () => Promise<Outcome> | Outcome): Promise<Outcome> {
    const fault = faults.next(operation)
    if (fault === undefined) return carryOut()
    if (isCarriedOut(fault)) await carryOut()
    return { operation, fault, answer: answerOf(fault, kind) }
  }

  async function answerToGit(request: WholeRequest): Promise<Outcome> {
    const operation = 'git'
    const path = gitPath(request.url.pathname)
    if (!hasPassword(request.headers, token)) return { operation, answer: passwordWanted }
    if (!path || !find(path.owner, path.name)) return { operation, answer: refusal(new Refusal(404, 'Not Found')) }
    return withFault(operation, async () => ({ operation, answer: await serveGit(request, { ...path, root }) }))
  }

  async function answerToApi(request: WholeRequest): Promise<Outcome> {
    let operation: Operation | undefined
    try {
      checkClient(request, { kind, token })
      const route: Route = api.route(request)
      operation = route.operation
      const outcome = await withFault(operation, () => ({ operation: route.operation, ...route.call() }))
      if (outcome.answer.kind === 'answer' && outcome.answer.status === 201)
        options.onPull?.((outcome.answer.body as { html_url: string }).html_url)
      return outcome
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return { operation, message: error.message, answer: refusal(error) }
    }
  }

  const refusal = (error: Refusal): Answer => problem(kind, error)

  const server = await startLocalServer(options.port ?? 0, async (request) => {
    const { method, url } = request
    const isApi = url.pathname.startsWith(`${API_ROOTS[kind]}/`)
    const { answer, ...noted } = await (isApi ? answerToApi(request) : answerToGit(request))
    const status = answer.kind === 'answer' ? answer.status : 0
    ledger.add({ at: new Date().toISOString(), method, path: url.pathname + url.search, status, ...noted })
    return answer
  })

  return {
    ...{ kind, token, ledger, url: server.url, port: server.port, apiUrl: `${server.url}${API_ROOTS[kind]}` },
    createRepository(name, source) {
      const made = makeRepository({ root, owner, name, source })
      repositories.set(made.fullName, made)
      return made
    },
    cloneUrl: (name) => `${server.url}/${owner}/${name}.git`,
    failNext: (fault, { times = 1, operation } = {}) => faults.order(fault, times, operation),
    async close() {
      await server.close()
      rmSync(root, { recursive: true, force: true })
    },
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
