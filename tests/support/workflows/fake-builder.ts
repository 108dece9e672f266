import { Context } from '@temporalio/activity'
import type { Client } from '@temporalio/client'
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker'
import { withFailures } from '../../../activities/activity-failure.ts'
import { builderQueue, TASK_QUEUES, type BuilderActivities, type SeatActivities } from '../../../domain/contracts.ts'
import { GatewayError } from '../../../domain/errors.ts'
import type { Fence } from '../../../domain/ports/store.ts'
import { drainSignal, seatGrantedSignal } from '../../../workflows/messages.ts'
import type { FakeTask } from './fake-task.ts'

/** As the product's builders: the server hears from a living one at least once a second. */
const HEARTBEATS = { maxHeartbeatThrottleInterval: '1 second', defaultHeartbeatThrottleInterval: '1 second' } as const
const BEAT_MS = 500

export interface FakeBuilderOptions {
  readonly id: string
  readonly seats: number
  readonly address: string
  readonly client: Client
  readonly find: (taskId: string) => FakeTask
  /** The workflows it serves. */
  readonly bundle: NonNullable<WorkerOptions['workflowBundle']>
}

interface HeldSeat extends Gate {
  readonly fence: Fence
  /** Whether the builder stands still for this task. */
  frozen: boolean
  /** Resolves when it goes on after that: what it was at is answered late. */
  readonly thawed: Gate
}

/** A builder whose steps do what a task's script says: a seat is lent, beats, freezes, ends and drains as a real one. */
export class FakeBuilder {
  private readonly held = new Map<string, HeldSeat>()
  private workers: readonly Worker[] = []
  private lending: Promise<unknown> = Promise.resolve()
  private running: Promise<unknown> = Promise.resolve()
  private draining = false
  private stopping = false

  static async start(options: FakeBuilderOptions): Promise<FakeBuilder> {
    const builder = new FakeBuilder(options)
    // As in a process of its own: one connection serves only one worker of a queue.
    const connection = await NativeConnection.connect({ address: options.address })
    const common = { connection, namespace: 'default', ...HEARTBEATS }
    builder.workers = await Promise.all([
      Worker.create({
        ...common,
        taskQueue: TASK_QUEUES.builders,
        activities: withFailures(builder.seatActivities()),
        maxConcurrentActivityTaskExecutions: options.seats,
        shutdownGraceTime: '1 hour',
      }),
      Worker.create({
        ...common,
        taskQueue: builderQueue(options.id),
        workflowBundle: options.bundle,
        activities: withFailures(builder.steps()),
        shutdownGraceTime: 0,
      }),
    ])
    builder.running = builder.serve(connection)
    return builder
  }

  private constructor(private readonly options: FakeBuilderOptions) {}

  get id(): string {
    return this.options.id
  }

  /** Whether a seat is lent to the task. */
  holds(taskId: string): boolean {
    return this.seatsOf(taskId).length > 0
  }

  /** Whether a seat is lent to the task that would be given back if it were asked for. */
  serves(taskId: string): boolean {
    return this.seatsOf(taskId).some(({ frozen }) => !frozen)
  }

  /** Stands still for a task: no beats, no answers, deaf to every cancel; as a stopped process. */
  freeze(taskId: string): void {
    for (const seat of this.seatsOf(taskId)) seat.frozen = true
  }

  /** Nothing of it answers any more, neither its steps nor its workflows; as a killed process. */
  vanish(): void {
    for (const { fence } of this.held.values()) this.freeze(fence.taskId)
    for (const worker of this.workers) worker.shutdown()
  }

  /** Goes on where it stood, and answers late. */
  thaw(taskId: string): void {
    for (const seat of this.seatsOf(taskId)) goOn(seat)
  }

  /** Ends a seat by itself, as a builder that leaves in a hurry. */
  drop(taskId: string): void {
    for (const seat of this.seatsOf(taskId)) seat.end()
  }

  /** SIGTERM of a real builder: lends nothing more, asks for hand-over, serves until no seat is held. */
  async drain(): Promise<void> {
    const [pool, own] = this.workers
    this.draining = true
    pool?.shutdown()
    await Promise.all([...this.held.values()].map(({ fence }) => this.signal(fence.taskId)))
    await this.lending
    own?.shutdown()
    await this.running
  }

  async stop(): Promise<void> {
    this.stopping = true
    for (const { fence } of this.held.values()) {
      this.thaw(fence.taskId)
      this.drop(fence.taskId)
    }
    for (const worker of this.workers) if (worker.getState() === 'RUNNING') worker.shutdown()
    await this.running
  }

  private async serve(connection: NativeConnection): Promise<void> {
    const [lending, ...serving] = this.workers.map((worker) => worker.run())
    this.lending = Promise.resolve(lending)
    await Promise.all([lending, ...serving])
    await connection.close()
  }

  private async signal(taskId: string): Promise<void> {
    await this.options.client.workflow.getHandle(taskId).signal(drainSignal, { builder: this.options.id })
  }

  private seatsOf(taskId: string): readonly HeldSeat[] {
    return [...this.held.values()].filter(({ fence }) => fence.taskId === taskId)
  }

  private seatActivities(): SeatActivities {
    const { id, client, find } = this.options
    return {
      holdSeat: async (fence) => {
        const context = Context.current()
        const seat: HeldSeat = { fence, ...gate(), frozen: false, thawed: gate() }
        this.held.set(keyOf(fence), seat)
        // Its request was taken from the queue in the moment of the stop.
        if (this.stopping) seat.end()
        const beat = beating(seat)
        try {
          const step = { name: `seat ${fence.seat}`, attempt: 1, seat: fence.seat, builder: id }
          await Promise.race([find(fence.taskId).begin(step), gone(seat)])
          const { workflowId, runId } = context.info.workflowExecution ?? { workflowId: fence.taskId }
          const granted = { seat: fence.seat, builder: id, queue: builderQueue(id) }
          await client.workflow.getHandle(workflowId, runId).signal(seatGrantedSignal, granted)
          if (this.draining) await this.signal(fence.taskId)
          await Promise.race([seat.over, gone(seat)])
        } finally {
          clearInterval(beat)
          this.held.delete(keyOf(fence))
          // Nobody finds it any more who would let its steps go on.
          if (seat.frozen) goOn(seat)
          seat.end()
        }
      },
    }
  }

  private steps(): BuilderActivities {
    return {
      releaseSeat: async (fence) => {
        const seat = this.held.get(keyOf(fence))
        if (seat?.frozen) await seat.thawed.over
        seat?.end()
      },
      prepareWorkspace: (fence) =>
        this.step(fence, 'workspace', (task) => ({ turn: task.nextTurn(), restored: fence.seat > 1 })),
      mergeSubtasks: (fence) =>
        this.step(fence, 'merge', (task) => ({
          isWorkLeft: task.script.conflicts === true || task.subtasks.some(({ state }) => state !== 'completed'),
        })),
      takeTurn: ({ turn, ...fence }) => this.step(fence, `turn ${turn}`, (task) => task.takeTurn(turn)),
      runTool: ({ turn, position, ...fence }) => {
        const name = `tool ${turn}.${position}`
        return this.step(fence, name, (task) => task.runTool(name, fence.seat))
      },
      verifyDelivery: ({ attempt, ...fence }) =>
        this.step(fence, `verification ${attempt}`, (task) => task.verify(attempt)),
      publishDelivery: ({ commit, verdict, ...fence }) =>
        this.step(fence, 'deliver', (task) => {
          if (!task.parent) task.push(commit, fence.seat)
          const result = { summary: 'Done.', verdict, commit, branch: `openclaw/${task.id}` }
          return { result, forge: task.script.forge === true }
        }),
      openPullRequest: ({ branch, ...fence }) =>
        this.step(fence, 'pull request', (task) => ({ pullRequest: task.openPullRequest(branch, fence.seat) })),
    }
  }

  private async step<T>(fence: Fence, name: string, write: (task: FakeTask) => T): Promise<T> {
    const seat = this.held.get(keyOf(fence))
    if (!seat) throw new GatewayError('seat_lost', `This builder does not hold seat ${fence.seat} of ${fence.taskId}.`)
    const task = this.options.find(fence.taskId)
    const step = { name, attempt: Context.current().info.attempt, seat: fence.seat, builder: this.options.id }
    const beat = beating(seat)
    try {
      await Promise.race([task.begin(step), gone(seat), seat.thawed.over])
      if (seat.frozen) await seat.thawed.over
      const answer = task.finish(step, () => write(task))
      await Promise.race([task.script.after?.(step, task), gone(seat)])
      return answer
    } finally {
      clearInterval(beat)
    }
  }
}

const keyOf = ({ taskId, seat }: Fence): string => `${taskId}#${seat}`

interface Gate {
  readonly over: Promise<void>
  readonly end: () => void
}

function gate(): Gate {
  let end: () => void = () => undefined
  const over = new Promise<void>((resolve) => (end = resolve))
  return { over, end }
}

function goOn(seat: HeldSeat): void {
  seat.frozen = false
  seat.thawed.end()
}

function beating(seat: HeldSeat): NodeJS.Timeout {
  const context = Context.current()
  context.heartbeat()
  return setInterval(() => {
    if (!seat.frozen) context.heartbeat()
  }, BEAT_MS)
}

/** Rejects when Temporal cancels the step or its seat ends; a builder that stands still learns nothing of it. */
async function gone(seat: HeldSeat): Promise<never> {
  const ended = async () => {
    await seat.over
    throw new GatewayError('seat_lost', `Seat ${seat.fence.seat} of ${seat.fence.taskId} ended.`)
  }
  return Promise.race([Context.current().cancelled, ended()]).catch(async (error: unknown) => {
    if (seat.frozen) await seat.thawed.over
    throw error
  })
}
