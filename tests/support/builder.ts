import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { MockActivityEnvironment } from '@temporalio/testing'
import { DefaultLogger } from '@temporalio/worker'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { createMergeSubtasks } from '../../activities/builder/merge-subtasks.ts'
import { createOpenPullRequest } from '../../activities/builder/open-pull-request.ts'
import { createPrepareWorkspace } from '../../activities/builder/prepare-workspace.ts'
import { createPublishDelivery } from '../../activities/builder/publish-delivery.ts'
import { createRunTool } from '../../activities/builder/run-tool.ts'
import { SeatTable } from '../../activities/builder/seat-table.ts'
import { createTakeTurn } from '../../activities/builder/take-turn.ts'
import { createVerifyDelivery } from '../../activities/builder/verify-delivery.ts'
import { Workspaces } from '../../activities/builder/workspaces.ts'
import { createJudge, type Judge } from '../../adapters/egress/judge.ts'
import { createEgress } from '../../adapters/egress/open-door.ts'
import { createForge } from '../../adapters/forge/rest-forge.ts'
import { createGitHost } from '../../adapters/git/git-host.ts'
import { createRepositoryPolicy } from '../../adapters/git/repository-policy.ts'
import { createSnapshots } from '../../adapters/git/snapshots.ts'
import { openStore } from '../../adapters/postgres/store.ts'
import { openReceiptSigner, type ReceiptSigner } from '../../adapters/receipts/receipt-signer.ts'
import type { BuilderActivities } from '../../domain/contracts.ts'
import type { PolicyRule } from '../../domain/policy.ts'
import type { BlockedStep } from '../../domain/ports/boundary-audit.ts'
import type { Sandbox } from '../../domain/ports/sandbox.ts'
import type { Fence, Store } from '../../domain/ports/store.ts'
import type { KnownRepository } from '../../domain/schemas/known-repositories.ts'
import type { TaskRequest } from '../../domain/task.ts'
import { freshDatabase } from './database.ts'
import { bubblewrap } from './programs.ts'
import { runs, ScriptedModel } from './scripted-model.ts'
import { taskIn } from './stored-task.ts'
import { createUpstream, type Upstream } from './upstream.ts'

/** Failures are what the tests look at; the worker need not tell of them too. */
export const quietEnvironment = (): MockActivityEnvironment =>
  new MockActivityEnvironment(undefined, { logger: new DefaultLogger('ERROR', () => undefined) })

type Steps = Omit<BuilderActivities, 'releaseSeat'>

/** One builder on a host of its own: its steps without Temporal around them. Only the store is shared. */
export class TestBuilder {
  readonly model = new ScriptedModel()
  readonly seats = new SeatTable()
  readonly workspaces: Workspaces
  /** What the boundary blocked, as the audit is told. */
  readonly audited: BlockedStep[] = []
  private readonly steps: Steps

  constructor(
    readonly place: {
      readonly store: Store
      readonly signer: ReceiptSigner
      readonly sandbox: Sandbox
      /** Folder of the host. */
      readonly directory: string
      /** Which hosts commands reach; none without it. */
      readonly judge?: Judge
      /** What the operator vouches for; nothing without it. */
      readonly repositories?: readonly KnownRepository[]
      /** The operator's rules; none without them. */
      readonly rules?: readonly PolicyRule[]
    },
  ) {
    const { store, sandbox, directory, signer } = place
    const rules = { repositories: place.repositories ?? [], fileRoots: [tmpdir()] }
    const git = createGitHost({ directory: join(directory, 'mirrors'), ...rules })
    const forge = createForge(createRepositoryPolicy(rules))
    const boundary = { sandbox, snapshots: createSnapshots({ sandbox }) }
    const egress = createEgress({
      judge: place.judge ?? createJudge({ allowed: [], inner: [] }),
      decided: () => undefined,
    })
    const workspaces = new Workspaces({ directory: this.folder, store, git, boundaryFor: () => boundary, egress })
    const audit = { blocked: (step: BlockedStep) => void this.audited.push(step) }
    const clock = () => new Date('2026-11-25T12:00:00Z')
    const shared = { store, git, seats: this.seats, workspaces, clock, audit }
    this.workspaces = workspaces
    this.steps = {
      ...createPrepareWorkspace(shared),
      ...createMergeSubtasks(shared),
      ...createTakeTurn({ ...shared, model: this.model, rules: place.rules ?? [] }),
      ...createRunTool(shared),
      ...createVerifyDelivery({ ...shared, sign: (evidence) => signer.sign(evidence) }),
      ...createPublishDelivery({ ...shared, forge }),
      ...createOpenPullRequest({ ...shared, forge, pageOf: (taskId) => `https://gateway.example/tasks/${taskId}` }),
    }
  }

  /** Below it lie the seats' files. */
  get folder(): string {
    return join(this.place.directory, 'builder')
  }

  /** Runs a step as a worker would. */
  run<Name extends keyof Steps>(
    name: Name,
    input: Parameters<Steps[Name]>[0],
    environment = quietEnvironment(),
  ): ReturnType<Steps[Name]> {
    const step = this.steps[name] as (input: Parameters<Steps[Name]>[0]) => ReturnType<Steps[Name]>
    return environment.run(step as never, input as never) as ReturnType<Steps[Name]>
  }

  /** The same host with a sandbox in which every command takes longer. */
  slowedDown(milliseconds: number): TestBuilder {
    const { sandbox } = this.place
    const run: Sandbox['run'] = async (command) => {
      await pause(milliseconds)
      return sandbox.run(command)
    }
    return new TestBuilder({ ...this.place, sandbox: { ...sandbox, run } })
  }

  /** Lets the model run a command in a turn of its own, as an agent does. */
  async play(fence: Fence, turn: number, command: string): Promise<void> {
    this.model.will(runs(command))
    await this.run('takeTurn', { ...fence, turn })
    await this.run('runTool', { ...fence, turn, position: 0 })
  }
}

/** Builders on one store, and tasks for them. */
export interface Builders {
  readonly store: Store
  /** URL of the store's database. */
  readonly database: string
  readonly signer: ReceiptSigner
  /** A builder on a fresh host. */
  builder(overrides?: Partial<TestBuilder['place']>): TestBuilder
  /** A task that is being built on seat 1, which the builder holds, from an upstream with these files. */
  task(builder: TestBuilder, request?: Partial<TaskRequest>, files?: Readonly<Record<string, string>>): Promise<Given>
  /** Gives the task's next seat to a builder. */
  reseat(fence: Fence, builder: TestBuilder): Promise<Fence>
}

export interface Given {
  readonly fence: Fence
  readonly upstream: Upstream
}

const FILES = { 'sum.js': 'exports.sum = (a, b) => a - b\n', 'README.md': 'Sums\n' }

/** One database for all tests of a file. */
export function useBuilders(): Builders {
  const root = mkdtempSync(join(tmpdir(), 'ocg-builders-'))
  const made = {} as { store: Store; database: string; sandbox: Sandbox; signer: ReceiptSigner }
  beforeAll(async () => {
    made.database = await freshDatabase()
    made.store = await openStore({ url: made.database, connections: 8 })
    made.sandbox = await bubblewrap()
    made.signer = openReceiptSigner(join(root, 'receipt.pem'))
  })
  afterAll(async () => {
    await made.store.close()
    rmSync(root, { recursive: true, force: true })
  })
  return Object.assign(made, {
    builder: (overrides: Partial<TestBuilder['place']> = {}) =>
      new TestBuilder({ ...made, directory: mkdtempSync(join(root, 'host-')), ...overrides }),
    async task(builder: TestBuilder, request: Partial<TaskRequest> = {}, files = FILES as Record<string, string>) {
      const upstream = createUpstream(files)
      onTestFinished(() => upstream.remove())
      const fence = await taskIn(made.store, 'building', { repository: { url: upstream.url }, ...request })
      builder.seats.open(fence)
      return { fence, upstream }
    },
    async reseat({ taskId, seat }: Fence, builder: TestBuilder) {
      const next = { taskId, seat: seat + 1 }
      const change = { builder: { id: `b${next.seat}`, seat: next.seat, attempt: next.seat } }
      await made.store.tasks.note({ taskId, change })
      builder.seats.open(next)
      return next
    },
  })
}
