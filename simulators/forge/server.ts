import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startLocalServer } from '../webhook/local-server.ts'
import { API_ROOTS, ForgeApi } from './api.ts'
import { ForgeDesk } from './desk.ts'
import type { Fault, Operation } from './faults.ts'
import { ForgeLedger } from './ledger.ts'
import type { ForgeKind } from './problems.ts'
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

/** Starts a stand-in for a forge on 127.0.0.1: git's own server, and the REST calls for pull requests. */
export async function startForgeSimulator(options: ForgeSimulatorOptions = {}): Promise<ForgeSimulator> {
  const { kind = 'github', token = TOKEN, owner = 'acme' } = options
  const root = mkdtempSync(join(tmpdir(), 'forge-simulator-'))
  const repositories = new Map<string, ForgeRepository>()
  const ledger = new ForgeLedger(options.ledgerFile)
  const find = (of: string, name: string) => repositories.get(`${of}/${name}`)
  const api = new ForgeApi({ kind, url: () => server.url, find, onPull: options.onPull })
  const desk = new ForgeDesk({ kind, token, root, api, ledger, find })
  const server = await startLocalServer(options.port ?? 0, (request) => desk.answer(request))
  return {
    ...{ kind, token, ledger, url: server.url, port: server.port, apiUrl: `${server.url}${API_ROOTS[kind]}` },
    createRepository(name, source) {
      const made = makeRepository({ root, owner, name, source })
      repositories.set(made.fullName, made)
      return made
    },
    cloneUrl: (name) => `${server.url}/${owner}/${name}.git`,
    failNext: (fault, { times = 1, operation } = {}) => desk.faults.order(fault, times, operation),
    async close() {
      await server.close()
      rmSync(root, { recursive: true, force: true })
    },
  }
}
