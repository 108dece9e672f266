import type {
  PlannedCall,
  TaskBrief,
  TurnOutcome,
  UnderstandingOutcome,
  VerificationOutcome,
} from '../../../domain/contracts.ts'
import { GatewayError, type Failure } from '../../../domain/errors.ts'
import type { Fence } from '../../../domain/ports/store.ts'
import {
  acceptsSteering,
  canMove,
  isFinal,
  type TaskResult,
  type TaskState,
  type Verdict,
  type Waiting,
} from '../../../domain/task.ts'
import type { ScriptedCall, Step, TaskScript } from './task-script.ts'

export const COST_OF_A_CALL = 0.01

/** Something that happened to a task, as its store, its model and its remote saw it. */
export interface Entry {
  readonly what:
    | 'began'
    | 'finished'
    | 'refused'
    | 'state'
    | 'event'
    /** A call the model was paid for. */
    | 'paid'
    /** A change of files, or of the remote. */
    | 'effect'
    /** Text that was taken in. */
    | 'heard'
    /** A wait of a part that is shown at the whole. */
    | 'shown'
    /** Noted by whoever plays with the task. */
    | 'said'
    | 'struck'
  readonly name: string
  readonly seat?: number
}

/** The truth about one scripted task: what the store would hold of it, with the store's own refusals. */
export class FakeTask {
  brief: TaskBrief
  /** Every state it was in, in order. */
  readonly states: TaskState[] = ['received']
  readonly events: string[] = []
  readonly begun: Step[] = []
  /** Steps whose result was accepted. */
  readonly finished: Step[] = []
  /** Steps that came too late: their seat was somebody else's by then. */
  readonly refused: Step[] = []
  /** Text no turn has taken yet, and what each turn took. */
  unread: string[] = []
  /** What its parts were told, for its own first turn. */
  private readonly kept: string[] = []
  /** Numbers of files that came with text. */
  readonly attachments = new Set<number>()
  readonly read: Readonly<Record<string, readonly string[]>> = {}
  /** All of it in the order in which it happened. */
  readonly journal: Entry[] = []
  /** Commits that were pushed. */
  readonly pushed: string[] = []
  /** Branches that have a pull request. */
  readonly pullRequests: string[] = []
  readonly verdicts = new Map<string, Verdict>()
  waiting: Waiting | undefined
  error: Failure | undefined
  /** What it was divided into. */
  subtasks: readonly FakeTask[] = []
  /** What it ended with. */
  result: TaskResult | undefined
  /** Seat number of the builder it was given to last. */
  seat = 0
  /** When it was given to a builder first. */
  assignedAt = 0
  ends = 0
  private readonly turns = new Map<number, readonly PlannedCall[]>()
  private readonly rounds = new Map<number, UnderstandingOutcome>()
  private readonly decided = new Map<string, { readonly decision: 'approve' | 'reject'; readonly by: string }>()
  /** What messages were answered, by their key. */
  private readonly taken = new Map<string, unknown>()
  private readonly stopped = new Set<number>()
  private readonly raisedFor = new Set<number>()
  private readonly held: Set<string>
  private watchers: (() => void)[] = []

  constructor(
    readonly id: string,
    readonly script: TaskScript,
    /** What it is a part of. */
    readonly parent?: FakeTask,
  ) {
    this.held = new Set(script.hold)
    this.brief = {
      ...{ taskId: id, title: `Title of ${id}`, tenant: 'default', channel: 'api', requester: 'key:1', kind: 'code' },
      ...{ priority: 3, repository: 'example/shop', isChecked: true, labels: [], state: 'received', costUsd: 0 },
      ...(parent && { tenant: parent.brief.tenant, priority: parent.brief.priority }),
      ...script.brief,
    }
  }

  get state(): TaskState {
    return this.brief.state
  }

  /** Which part of the whole it is, counted from 1; 0 for a whole. */
  get part(): number {
    return (this.parent?.subtasks.indexOf(this) ?? -1) + 1
  }

  /** As in a store, no two tasks have an approval of the same name. */
  approvalOf({ turn, position }: { readonly turn: number; readonly position: number }): string {
    return `approval-${this.part > 0 ? `${this.part}.` : ''}${turn}.${position}`
  }

  /** As the store: being there already changes nothing, an illegal move is refused. */
  move(to: TaskState, event?: string): boolean {
    if (this.state === to) return false
    if (!canMove(this.state, to)) throw new GatewayError('conflict', `${this.id} is ${this.state}, not ${to}`)
    this.brief = { ...this.brief, state: to }
    this.states.push(to)
    this.log('state', to)
    if (event !== undefined) this.tell(event)
    if (isFinal(to)) this.ends++
    this.changed()
    return true
  }

  note(event: string): void {
    if (!isFinal(this.state)) this.tell(event)
    this.changed()
  }

  log(what: Entry['what'], name: string, seat?: number): void {
    this.journal.push({ what, name, ...(seat !== undefined && { seat }) })
  }

  private tell(event: string): void {
    this.events.push(event)
    this.log('event', event)
  }

  change(change: Partial<TaskBrief>): void {
    if (!isFinal(this.state)) this.brief = { ...this.brief, ...change }
    this.changed()
  }

  /** Begins a try of a step: the script looks on, and a held step waits for the test. */
  async begin(step: Step): Promise<void> {
    this.begun.push(step)
    this.log('began', step.name, step.seat)
    this.changed()
    await this.script.during?.(step, this)
    await this.when(() => !this.held.has(step.name))
  }

  /** Accepts the result of a builder's step, unless the seat is no longer its own. */
  finish<T>(step: Step, write: () => T): T {
    try {
      this.assertSeat({ taskId: this.id, seat: step.seat })
    } catch (error) {
      this.refused.push(step)
      this.log('refused', step.name, step.seat)
      this.changed()
      throw error
    }
    const written = write()
    this.finished.push(step)
    this.log('finished', step.name, step.seat)
    this.changed()
    return written
  }

  assertSeat({ seat }: Fence): void {
    if (seat === this.seat && !isFinal(this.state)) return
    throw new GatewayError('seat_lost', `Seat ${seat} of ${this.id} is no longer valid (now ${this.seat}).`)
  }

  /** What came of a round of understanding: the model is asked once. */
  understand(round: number, ask: () => UnderstandingOutcome): UnderstandingOutcome {
    const known = this.rounds.get(round)
    if (known) return known
    const outcome = ask()
    if (outcome.type === 'budget-reached') return outcome
    this.pay(`understand ${round}`)
    const paid = { ...outcome, brief: this.brief }
    this.rounds.set(round, paid)
    return paid
  }

  /** Its parts, made once. What was said until then is told to them, and no more to the Builder of the whole. */
  divide(make: () => readonly FakeTask[]): readonly FakeTask[] {
    if (this.subtasks.length > 0) return this.subtasks
    this.subtasks = make()
    Object.assign(this.read, { division: this.unread })
    this.unread = []
    this.changed()
    return this.subtasks
  }

  /** A change of files: a call that was finished before has made it. */
  runTool(name: string, seat: number): void {
    if (!this.finished.some((step) => step.name === name)) this.log('effect', name, seat)
  }

  verify(attempt: number): VerificationOutcome {
    const verdict = this.script.verdicts?.[attempt - 1] ?? 'passed'
    const commit = `c${attempt}`
    this.verdicts.set(commit, verdict)
    return { verdict, commit, log: verdict === 'failed' ? `log ${attempt}` : '' }
  }

  /** A commit that stands at the remote already is not pushed again. */
  push(commit: string, seat: number): void {
    if (this.pushed.includes(commit)) return
    this.pushed.push(commit)
    this.log('effect', `push ${commit}`, seat)
  }

  /** A branch that has a pull request already gets no second one. */
  openPullRequest(branch: string, seat: number): string {
    if (!this.pullRequests.includes(branch)) {
      this.pullRequests.push(branch)
      this.log('effect', `pull request ${branch}`, seat)
    }
    return `https://forge.example/pull/${this.pullRequests.indexOf(branch) + 1}`
  }

  /** Takes a turn of the script once; a repeated one gives what is still to be done of it. */
  takeTurn(turn: number): TurnOutcome {
    const { script } = this
    if (this.isBudgetReached(turn)) return { type: 'budget-reached' }
    if (!this.turns.has(turn)) {
      const calls = script.turns?.[turn - 1] ?? []
      this.turns.set(
        turn,
        calls.map((call, position) => planned(call, { turn, position })),
      )
      Object.assign(this.read, { [turn]: turn === 1 ? [...this.kept, ...this.unread] : this.unread })
      this.unread = []
      this.pay(`turn ${turn}`)
    }
    const calls = (this.turns.get(turn) ?? [])
      .filter((call) => !this.isFinished(call))
      .map((call) =>
        this.decided.get(this.approvalOf(call))?.decision === 'approve'
          ? { ...call, decision: 'allow' as const }
          : call,
      )
    return { type: 'answered', calls, last: turn >= (script.turns?.length ?? 0), costUsd: this.brief.costUsd }
  }

  /** The turn to go on with: the last one while a call of it is unfinished. */
  nextTurn(): number {
    const last = this.turns.size
    return (this.turns.get(last) ?? []).some((call) => !this.isFinished(call)) ? last : last + 1
  }

  callsDone(turn: number): number {
    return (this.turns.get(turn) ?? []).filter((call) => this.isFinished(call)).length
  }

  private hasAsked(approvalId: string): boolean {
    return this.decided.has(approvalId) || this.waiting?.approvalId === approvalId
  }

  decide({ approvalId, decision, by }: { approvalId: string; decision: 'approve' | 'reject'; by: string }): void {
    const owner = this.subtasks.find((part) => part.hasAsked(approvalId)) ?? this
    const known = owner.decided.get(approvalId)
    if (known) throw new GatewayError('conflict', `Approval ${approvalId} was decided already (${known.decision}).`)
    if (owner !== this || this.waiting?.approvalId !== approvalId)
      throw new GatewayError('conflict', `${this.id} does not wait for approval ${approvalId}.`)
    this.decided.set(approvalId, { decision, by })
    this.note(`approval-decided ${decision} by ${by}`)
  }

  receive(text: string): 'answer' | 'steer' {
    if (!acceptsSteering(this.state)) throw new GatewayError('conflict', `${this.id} is ${this.state}.`)
    const waits = this.state === 'awaiting_input'
    const call = [...(this.turns.get(this.turns.size) ?? [])].find(
      (asked) => asked.kind === 'human' && !this.isFinished(asked),
    )
    if (waits && call) this.decided.set(this.approvalOf(call), { decision: 'reject', by: 'answer' })
    else this.unread.push(text)
    this.log('heard', text)
    return waits ? 'answer' : 'steer'
  }

  keep(text: string): void {
    this.kept.push(text)
  }

  /** Takes a message; a repeated one gets the first answer. */
  once<T>(key: string, take: () => T): T {
    if (!this.taken.has(key)) this.taken.set(key, take())
    return this.taken.get(key) as T
  }

  raiseBudget(budgetUsd: number): void {
    for (const { name } of this.begun) if (name.startsWith('turn ')) this.raisedFor.add(Number(name.slice(5)))
    for (const subtask of this.subtasks) subtask.raiseBudget(budgetUsd)
    this.note(`budget ${budgetUsd}`)
  }

  /** Lets a held step go on, now and in every later try. */
  release(name: string): void {
    this.held.delete(name)
    this.changed()
  }

  releaseAll(): void {
    this.held.clear()
    this.changed()
  }

  /** Resolves when the condition holds; it is looked at after every change. */
  async when(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.watchers.push(resolve))
  }

  private changed(): void {
    for (const wake of this.watchers.splice(0)) wake()
  }

  private pay(name: string): void {
    this.log('paid', name)
    this.spend()
  }

  /** A part spends what is the whole's. */
  spend(): void {
    this.change({ costUsd: Math.round((this.brief.costUsd + COST_OF_A_CALL) * 100) / 100 })
    this.parent?.spend()
  }

  /** The budget is found used up once, then until it was raised. */
  private isBudgetReached(turn: number): boolean {
    if (!this.script.budgetReachedAt?.includes(turn)) return false
    const isNew = !this.stopped.has(turn)
    this.stopped.add(turn)
    return isNew || !this.raisedFor.has(turn)
  }

  private isFinished(call: PlannedCall): boolean {
    return (
      this.finished.some(({ name }) => name === `tool ${call.turn}.${call.position}`) ||
      this.decided.get(this.approvalOf(call))?.decision === 'reject'
    )
  }
}

function planned(call: ScriptedCall, at: { readonly turn: number; readonly position: number }): PlannedCall {
  const { name, decision = 'allow', kind = 'sandbox' } = typeof call === 'string' ? { name: call } : call
  return { ...at, name, summary: `${name} something`, decision, kind }
}
