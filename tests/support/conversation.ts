import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MockActivityEnvironment } from '@temporalio/testing'
import { DefaultLogger } from '@temporalio/worker'
import { SeatTable } from '../../activities/builder/seat-table.ts'
import { createTakeTurn } from '../../activities/builder/take-turn.ts'
import { Workspaces } from '../../activities/builder/workspaces.ts'
import { createLifecycleActivities } from '../../activities/gateway/lifecycle.ts'
import { createGitHost } from '../../adapters/git/git-host.ts'
import { createGeminiClient } from '../../adapters/gemini/gemini-client.ts'
import type { PlannedCall, TurnOutcome, Wait } from '../../domain/contracts.ts'
import { noMemory } from '../../domain/ports/memory.ts'
import type { Fence, Store } from '../../domain/ports/store.ts'
import { noWarehouse } from '../../domain/ports/warehouse.ts'
import type { TaskRequest } from '../../domain/task.ts'
import { acceptance } from './stored-task.ts'

/** Failures are what the tests look at; the worker need not tell of them too. */
const SILENT = new DefaultLogger('ERROR', () => undefined)
const clock = () => new Date()
const ROUTE = { strategy: 'test', profile: 'engineering' } as const

/** Processes that share a database and a model service; steps go round them. */
export interface Places {
  readonly stores: readonly [Store, ...Store[]]
  /** Base URLs of the model service. */
  readonly urls: readonly [string, ...string[]]
}

/**
 * The conversation of one task without Temporal and without a workspace: model turns and the steps of people as the
 * activities take them, tools by what they answer. No two steps in a row happen in the same place, and no place keeps
 * anything from one step to the next.
 */
export class Conversation {
  private steps = 0
  private seat = 1
  private repairs = 0
  private messages = 0

  private constructor(
    readonly taskId: string,
    private readonly places: Places,
  ) {}

  /** Accepts a task and brings it to `building`. */
  static async begin(places: Places, task: { readonly model: string; readonly request: TaskRequest }) {
    const { tasks } = places.stores[0]
    const taskId = (await tasks.accept(acceptance({}, task.request))).task.id
    await tasks.move({ taskId, to: 'understanding' })
    await tasks.move({ taskId, to: 'queued', change: { route: { ...ROUTE, model: task.model } } })
    await tasks.move({ taskId, to: 'building', change: { builder: { id: 'b1', seat: 1, attempt: 1 } } })
    return new Conversation(taskId, places)
  }

  /** Goes on with a task that is on its first seat. */
  static of(places: Places, taskId: string): Conversation {
    return new Conversation(taskId, places)
  }

  /** The next model turn, or the one that is not done yet. */
  async takeTurn(): Promise<TurnOutcome> {
    const { store, url } = this.nextPlace()
    const turn = await store.conversations.nextTurn(this.taskId)
    const seats = new SeatTable()
    seats.open(this.fence)
    const { takeTurn } = createTakeTurn({
      ...{ store, seats, clock, workspaces: noWorkspaces(store), rules: [] },
      model: createGeminiClient({ apiKey: 'any', baseUrl: url }),
    })
    return new MockActivityEnvironment({}, { logger: SILENT }).run(takeTurn, { ...this.fence, turn })
  }

  /** A tool call from its start to its result; without a result the Builder dies in the middle. */
  async runTool(
    { turn, position, decision }: PlannedCall,
    response?: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    const at = { ...this.fence, turn, position }
    const start = await this.nextPlace().store.conversations.beginTool(at)
    if (start.type === 'finished' || !response) return
    const result = decision === 'deny' ? { error: 'not in this mode' } : response
    await this.nextPlace().store.conversations.finishTool({ ...at, response: result, ok: true, summary: 'done' })
  }

  /** Waits for a person; gives the id of an approval. */
  async wait(wait: Wait): Promise<string | undefined> {
    return (await this.lifecycle().awaitHuman({ taskId: this.taskId, wait })).approvalId
  }

  async say(text: string): Promise<void> {
    await this.lifecycle().receiveMessage({ taskId: this.taskId, text, from: 'ada', key: this.nextKey() })
  }

  async decide(approvalId: string, decision: 'approve' | 'reject', comment?: string): Promise<void> {
    const decided = { taskId: this.taskId, approvalId, decision, by: 'ada', key: this.nextKey() }
    await this.lifecycle().decideApproval({ ...decided, ...(comment !== undefined && { comment }) })
  }

  async resume(): Promise<void> {
    await this.lifecycle().resumeTask({ taskId: this.taskId, to: 'building' })
  }

  /** The Builder is lost; another has the next seat. */
  async loseSeat(): Promise<void> {
    this.seat += 1
    const builder = { id: `b${this.seat}`, seat: this.seat, attempt: this.seat }
    await this.nextPlace().store.tasks.note({ taskId: this.taskId, change: { builder } })
  }

  /** Hands the work to the verifier; false when somebody has said something. */
  beginVerification(): Promise<boolean> {
    return this.lifecycle().beginVerification({ taskId: this.taskId })
  }

  async requestRepair(log: string): Promise<void> {
    const outcome = { verdict: 'failed', commit: 'c', log } as const
    await this.lifecycle().requestRepair({ taskId: this.taskId, attempt: ++this.repairs, outcome })
  }

  private nextKey(): string {
    return `message ${++this.messages}`
  }

  private get fence(): Fence {
    return { taskId: this.taskId, seat: this.seat }
  }

  private nextPlace(): { readonly store: Store; readonly url: string } {
    const { stores, urls } = this.places
    this.steps += 1
    return { store: stores[this.steps % stores.length] ?? stores[0], url: urls[this.steps % urls.length] ?? urls[0] }
  }

  private lifecycle() {
    const { store } = this.nextPlace()
    const router = { route: () => ({ ...ROUTE, model: '' }) }
    const models = { main: '', fast: '' }
    const runs = { end: () => Promise.resolve() }
    return createLifecycleActivities({ store, runs, clock, router, models, memory: noMemory, warehouse: noWarehouse })
  }
}

/** A task without a repository needs no file for its turns. */
function noWorkspaces(store: Store): Workspaces {
  const directory = join(tmpdir(), 'ocg-no-workspaces')
  const git = createGitHost({ directory, repositories: [], fileRoots: [] })
  const boundaryFor = () => {
    throw new Error('a turn of a task without a repository asked for a workspace')
  }
  const egress = { open: () => Promise.reject(new Error('no task here has a network')) }
  return new Workspaces({ directory, store, git, boundaryFor, egress })
}
