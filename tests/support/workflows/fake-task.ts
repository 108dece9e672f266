import type { PlannedCall, TaskBrief, TurnOutcome } from '../../../domain/contracts.ts'
import { GatewayError } from '../../../domain/errors.ts'
import type { Fence } from '../../../domain/ports/store.ts'
import { acceptsSteering, canMove, isFinal, type TaskState, type Waiting } from '../../../domain/task.ts'
import type { ScriptedCall, Step, TaskScript } from './task-script.ts'

const COST_OF_A_TURN = 0.01

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
  readonly read: Readonly<Record<string, readonly string[]>> = {}
  waiting: Waiting | undefined
  /** Seat number of the builder it was given to last. */
  seat = 0
  /** When it was given to a builder first. */
  assignedAt = 0
  ends = 0
  private readonly turns = new Map<number, readonly PlannedCall[]>()
  private readonly decided = new Map<string, 'approve' | 'reject'>()
  private readonly raised: number[] = []
  private readonly held: Set<string>
  private watchers: (() => void)[] = []

  constructor(
    readonly id: string,
    readonly script: TaskScript,
  ) {
    this.held = new Set(script.hold)
    this.brief = {
      ...{ taskId: id, title: `Title of ${id}`, tenant: 'default', channel: 'api', requester: 'key:1', kind: 'code' },
      ...{ priority: 3, repository: 'example/shop', labels: [], state: 'received', costUsd: 0 },
      ...script.brief,
    }
  }

  get state(): TaskState {
    return this.brief.state
  }

  /** As the store: being there already changes nothing, an illegal move is refused. */
  move(to: TaskState, event?: string): boolean {
    if (this.state === to) return false
    if (!canMove(this.state, to)) throw new GatewayError('conflict', `${this.id} is ${this.state}, not ${to}`)
    this.brief = { ...this.brief, state: to }
    this.states.push(to)
    if (event !== undefined) this.events.push(event)
    if (isFinal(to)) this.ends++
    this.changed()
    return true
  }

  note(event: string): void {
    if (!isFinal(this.state)) this.events.push(event)
    this.changed()
  }

  change(change: Partial<TaskBrief>): void {
    if (!isFinal(this.state)) this.brief = { ...this.brief, ...change }
    this.changed()
  }

  /** Begins a try of a step: the script looks on, and a held step waits for the test. */
  async begin(step: Step): Promise<void> {
    this.begun.push(step)
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
      this.changed()
      throw error
    }
    this.finished.push(step)
    const written = write()
    this.changed()
    return written
  }

  assertSeat({ seat }: Fence): void {
    if (seat === this.seat && !isFinal(this.state)) return
    throw new GatewayError('seat_lost', `Seat ${seat} of ${this.id} is no longer valid (now ${this.seat}).`)
  }

  /** Takes a turn of the script once; a repeated one gives what is still to be done of it. */
  takeTurn(turn: number): TurnOutcome {
    const { script } = this
    if (script.budgetReachedAt?.includes(turn) && !this.raised.includes(turn)) {
      this.raised.push(turn)
      return { type: 'budget-reached' }
    }
    if (!this.turns.has(turn)) {
      const calls = script.turns?.[turn - 1] ?? []
      this.turns.set(
        turn,
        calls.map((call, position) => planned(call, { turn, position })),
      )
      Object.assign(this.read, { [turn]: this.unread })
      this.unread = []
      this.change({ costUsd: Math.round((this.brief.costUsd + COST_OF_A_TURN) * 100) / 100 })
    }
    const calls = (this.turns.get(turn) ?? [])
      .filter((call) => !this.isFinished(call))
      .map((call) =>
        this.decided.get(approvalOf(call)) === 'approve' ? { ...call, decision: 'allow' as const } : call,
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

  decide(approvalId: string, decision: 'approve' | 'reject', by: string): void {
    const known = this.decided.get(approvalId)
    if (known) throw new GatewayError('conflict', `Approval ${approvalId} was decided already (${known}).`)
    if (this.waiting?.approvalId !== approvalId)
      throw new GatewayError('conflict', `${this.id} does not wait for approval ${approvalId}.`)
    this.decided.set(approvalId, decision)
    this.note(`approval-decided ${decision} by ${by}`)
  }

  receive(text: string): 'answer' | 'steer' {
    if (!acceptsSteering(this.state)) throw new GatewayError('conflict', `${this.id} is ${this.state}.`)
    const waits = this.state === 'awaiting_input'
    const call = [...(this.turns.get(this.turns.size) ?? [])].find(({ kind }) => kind === 'human')
    if (waits && call) this.decided.set(approvalOf(call), 'reject')
    else this.unread.push(text)
    return waits ? 'answer' : 'steer'
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

  private isFinished(call: PlannedCall): boolean {
    return (
      this.finished.some(({ name }) => name === `tool ${call.turn}.${call.position}`) ||
      this.decided.get(approvalOf(call)) === 'reject'
    )
  }
}

export const approvalOf = ({ turn, position }: { readonly turn: number; readonly position: number }): string =>
  `approval-${turn}.${position}`

function planned(call: ScriptedCall, at: { readonly turn: number; readonly position: number }): PlannedCall {
  const { name, decision = 'allow', kind = 'sandbox' } = typeof call === 'string' ? { name: call } : call
  return { ...at, name, summary: `${name} something`, decision, kind }
}
