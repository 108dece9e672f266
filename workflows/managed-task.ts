import { CancelledFailure } from '@temporalio/common'
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  ParentClosePolicy,
  sleep,
  startChild,
  type ChildWorkflowHandle,
} from '@temporalio/workflow'
import type {
  BuildInput,
  BuildOutcome,
  Seat,
  SeatDemand,
  SeatLoss,
  TaskBrief,
  VerificationOutcome,
  Wait,
} from '../domain/contracts.ts'
import { countLoss, isPoison, NO_LOSSES, pauseAfter, type Losses } from '../domain/poison.ts'
import { seatPriority } from '../domain/priority.ts'
import { type TaskResult, type TaskState, type Waiting } from '../domain/task.ts'
import { remoteStepsOn, stepsOn } from './builder-activities.ts'
import type { buildTask } from './build-task.ts'
import { failureIn, TaskFailed } from './failures.ts'
import { gateway, understanding } from './gateway-activities.ts'
import { inspect, isStage } from './inspector.ts'
import { interruptSignal, type TaskOutcome } from './messages.ts'
import { SeatHolder } from './seat-holder.ts'
import { reportWait, Subtasks, type SubtasksNews } from './subtasks.ts'
import { controlsOf, handleMessages, type Controls } from './task-controls.ts'

/** A person who answers within half a minute finds the workspace warm; after that the seat serves others. */
const SEAT_GRACE = '30 seconds'
/** An approval nobody gave in a month counts as refused. */
const APPROVAL_EXPIRY = '30 days'

/** What of a forge's refusal stands in a summary, in characters: code, cause and what to do. */
const MAX_REASON = 600

/** One task and the verbs of its life. The store holds the truth; this holds what the process needs to go on. */
export class ManagedTask {
  private readonly holder: SeatHolder
  private readonly subtasks: Subtasks
  private readonly taskId: string
  private readonly controls: Controls
  private readonly process = new CancellationScope()
  private state: TaskState = 'received'
  private stage: TaskState = 'understanding'
  private costUsd = 0
  /** Builders that worked on the task so far. */
  private attempts = 0
  private runs = 0
  private losses = NO_LOSSES
  /** Whether the work waits for the verifier, and not for a Builder. */
  private isHandedIn = false
  private end: 'cancelled' | 'expired' | undefined
  private interruptRun: (() => void) | undefined

  constructor(private brief: TaskBrief) {
    const { taskId, priority } = brief
    this.taskId = taskId
    this.controls = controlsOf(priority)
    this.holder = new SeatHolder(taskId)
    this.subtasks = new Subtasks({ parentId: taskId, isPaused: () => this.controls.paused })
    handleMessages({
      taskId,
      holder: this.holder,
      subtasks: this.subtasks,
      controls: this.controls,
      state: () => this.state,
      cancel: () => this.endEarly('cancelled'),
      interrupt: () => this.interruptRun?.(),
    })
  }

  /** Runs the process and brings the task to one of its ends, whatever happens. */
  async untilEnded(process: (task: this) => Promise<TaskResult>): Promise<TaskOutcome> {
    try {
      this.watchDeadline(this.brief.deadline)
      const result = await this.process.run(() => process(this))
      return await CancellationScope.nonCancellable(() => this.ended({ state: 'completed', result }))
    } catch (error) {
      return await CancellationScope.nonCancellable(() => this.endedBy(error))
    }
  }

  /**
   * Recalls, asks the model, asks the requester when unsure. An answer ends the task without a Builder; work that falls
   * into independent parts is divided.
   */
  async understand(): Promise<{ readonly answer?: string; readonly isDivided: boolean }> {
    for (let round = 1; ; round++) {
      this.enter('understanding')
      this.controls.budgetRaised = false
      const outcome = await understanding.understandTask.executeWithOptions({ summary: `Understand, round ${round}` }, [
        { taskId: this.taskId, round },
      ])
      this.brief = outcome.brief
      this.controls.priority = outcome.brief.priority
      this.costUsd = outcome.brief.costUsd
      this.stopIfEnding()
      if (outcome.type === 'answered') return { answer: outcome.answer, isDivided: false }
      if (outcome.type === 'understood') return { isDivided: outcome.parts !== undefined }
      const wait: Wait = outcome.type === 'unclear' ? { for: 'input', question: outcome.question } : { for: 'budget' }
      await this.waitFor(wait)
      await gateway.resumeTask({ taskId: this.taskId, to: 'understanding' })
    }
  }

  /**
   * Sub-tasks on as many Builders as are free, while this task holds no seat; then their work is merged. What conflicts
   * or failed stays for a Builder run of its own.
   */
  async buildInParts(): Promise<void> {
    await gateway.queueTask({ taskId: this.taskId })
    this.enter('queued')
    await this.whilePaused()
    const parts = await gateway.openSubtasks({ taskId: this.taskId })
    this.enter('building')
    await this.showingWaits(this.subtasks.run(parts))
    this.stopIfEnding()
    const failure = await gateway.concludeSubtasks({ taskId: this.taskId })
    if (failure) throw new TaskFailed(failure)
    const { isWorkLeft } = await this.onSeat((seat) =>
      remoteStepsOn(seat.queue).mergeSubtasks.executeWithOptions({ summary: `${seat.builder} · merge the sub-tasks` }, [
        this.fence(seat),
      ]),
    )
    this.isHandedIn = !isWorkLeft
  }

  /** Builder runs, one after another, until the model considers the work done and nobody has steered it since. */
  async build(): Promise<void> {
    for (;;) {
      if (this.isHandedIn && (await gateway.beginVerification({ taskId: this.taskId }))) return
      const outcome = await this.onSeat((seat) => this.runBuilder(seat))
      this.costUsd = outcome.costUsd
      this.isHandedIn = outcome.type === 'finished'
      if (outcome.type === 'waiting') await this.waitForPerson(outcome.wait)
      else if (outcome.type === 'interrupted') await this.yieldSeat()
    }
  }

  /** Acceptance in a clean checkout of what would be delivered, on the seat that built it. */
  async verify(attempt: number): Promise<VerificationOutcome> {
    this.enter('verifying')
    // Fixed before the first try: a repetition on another seat makes the same commit.
    const at = Math.floor(Date.now() / 1000)
    return this.onSeat((seat) =>
      stepsOn(seat.queue).verifyDelivery.executeWithOptions({ summary: `${seat.builder} · verification ${attempt}` }, [
        { ...this.fence(seat), attempt, at },
      ]),
    )
  }

  async requestRepair(attempt: number, outcome: VerificationOutcome): Promise<void> {
    await gateway.requestRepair({ taskId: this.taskId, attempt, outcome })
    this.isHandedIn = false
    this.enter('building')
  }

  /** Past this point nothing is taken back: a cancel that comes now comes too late. */
  async deliver(outcome: VerificationOutcome): Promise<TaskResult> {
    this.stopIfEnding()
    return CancellationScope.nonCancellable(async () => {
      const begun = gateway.beginDelivery({ taskId: this.taskId }).then(() => this.enter('delivering'))
      // Where nothing is pushed the words of the delivery need not wait for that.
      if (this.brief.repository !== undefined) await begun
      const { commit, verdict } = outcome
      const published = this.onSeat((seat) =>
        remoteStepsOn(seat.queue).publishDelivery.executeWithOptions({ summary: `${seat.builder} · deliver` }, [
          { ...this.fence(seat), commit, verdict },
        ]),
      )
      const [{ result, forge }] = await Promise.all([published, begun])
      return forge ? this.withPullRequest(result) : result
    })
  }

  /** What was verified and pushed stays, whatever the forge answers. */
  private async withPullRequest(result: TaskResult): Promise<TaskResult> {
    const { branch = '', summary } = result
    try {
      const opened = await this.onSeat((seat) =>
        remoteStepsOn(seat.queue).openPullRequest.executeWithOptions({ summary: `${seat.builder} · pull request` }, [
          { ...this.fence(seat), branch },
        ]),
      )
      return { ...result, ...opened }
    } catch (error) {
      const why = failureIn(error).message.slice(0, MAX_REASON)
      return { ...result, summary: `${summary}\n\nThe branch ${branch} has no pull request: ${why}` }
    }
  }

  /** Runs work on a seat; when the seat is lost, on the next one, until it is done. */
  private async onSeat<T>(work: (seat: Seat) => Promise<T>): Promise<T> {
    for (;;) {
      const seat = this.holder.seat ?? (await this.takeSeat())
      const ended = await this.holder.work(() => work(seat))
      if (ended.type === 'done') return ended.value
      await this.afterLoss(seat, ended.loss)
    }
  }

  private async takeSeat(): Promise<Seat> {
    const begun = this.attempts > 0 || this.isOnBuilder()
    const priority = () => seatPriority({ priority: this.controls.priority, begun })
    if (!this.isOnBuilder()) {
      await gateway.queueTask({ taskId: this.taskId })
      this.enter('queued')
    }
    for (;;) {
      await this.whilePaused()
      const asked = priority()
      const seat = await this.holder.take({
        priority: asked,
        tenant: this.brief.tenant,
        // Who gains nothing by asking again keeps the place in the queue.
        withdrawn: () => this.isPausing() || priority() !== asked,
      })
      if (!seat) continue
      await gateway.assignBuilder({ ...this.fence(seat), builder: seat.builder, attempt: ++this.attempts })
      this.controls.draining = false
      this.enter(this.isOnBuilder() ? this.state : 'building')
      return seat
    }
  }

  private async runBuilder(seat: Seat): Promise<BuildOutcome> {
    // From here on a raise counts, also one that comes before the wait for it.
    this.controls.budgetRaised = false
    const fence = this.fence(seat)
    const summary = `${seat.builder} · workspace`
    // Asked for from here: a builder that takes no step is known by it, while a workflow is waited for without an end.
    const { turn } = await remoteStepsOn(seat.queue).prepareWorkspace.executeWithOptions({ summary }, [fence])
    const { costUsd } = this
    if (this.isInterrupted) return { type: 'interrupted', costUsd }
    const { queue, builder } = seat
    const child = await this.startRun({ fence, queue, builder, title: this.brief.title, turn, costUsd })
    const scope = CancellationScope.current()
    this.interruptRun = () => void child.signal(interruptSignal).catch(() => undefined)
    if (this.isInterrupted) this.interruptRun()
    try {
      return await Promise.race([child.result(), scope.cancelRequested])
    } catch (error) {
      if (scope.consideredCancelled) stop(child.workflowId)
      throw error
    } finally {
      this.interruptRun = undefined
    }
  }

  /** Temporal starts it without the builder. A start that is cancelled on its way (`TRY_CANCEL`) is never answered. */
  private startRun(input: BuildInput): Promise<ChildWorkflowHandle<typeof buildTask>> {
    this.runs += 1
    return CancellationScope.nonCancellable(() =>
      startChild<typeof buildTask>('buildTask', {
        workflowId: this.lastRun,
        // In the builder's own process: each step is given out with the answer to the workflow task that asked for it.
        taskQueue: input.queue,
        args: [input],
        // The builder may be gone, and nobody left there to end the run.
        parentClosePolicy: ParentClosePolicy.TERMINATE,
        staticSummary: `${input.builder} · ${input.title}`.slice(0, 200),
      }),
    )
  }

  /** Shows what the sub-tasks wait for, one after another, until the last has ended; however it ends, none is left. */
  private async showingWaits(running: Promise<void>): Promise<void> {
    try {
      for (let shown = undefined as SubtasksNews; shown !== 'over';) {
        await condition(() => this.subtasks.news !== shown)
        if (shown !== undefined) await this.resume('building')
        shown = this.subtasks.news
        await this.show(shown)
      }
    } finally {
      await running
    }
  }

  private async show(news: SubtasksNews): Promise<void> {
    if (news === undefined || news === 'over') return
    if (news === 'paused') {
      await gateway.pauseTask({ taskId: this.taskId })
      return this.enter('paused')
    }
    const waiting = await gateway.showSubtaskWait({
      taskId: this.taskId,
      subtaskId: news.taskId,
      waiting: news.waiting,
    })
    if (waiting) this.enter(`awaiting_${waiting.for}`, waiting)
  }

  /** A paused task waits, a draining builder's task moves on. */
  private async yieldSeat(): Promise<void> {
    if (this.controls.draining) await this.holder.release()
    await this.whilePaused()
  }

  private async whilePaused(): Promise<void> {
    if (!this.isPausing()) return
    const from = this.state
    const demand = await gateway.pauseTask({ taskId: this.taskId })
    this.enter('paused')
    await this.keepingSeatAWhile(() => !this.controls.paused, demand)
    await this.resume(this.holder.seat ? 'building' : from === 'understanding' ? 'understanding' : 'queued')
  }

  private async waitForPerson(wait: Wait): Promise<void> {
    await this.waitFor(wait)
    await this.resume(this.holder.seat ? 'building' : 'queued')
  }

  private async waitFor(wait: Wait): Promise<void> {
    this.controls.answered = false
    const { othersQueue, ...waiting } = await gateway.awaitHuman({ taskId: this.taskId, wait })
    this.enter(`awaiting_${wait.for}`, waiting)
    await reportWait({ taskId: this.taskId, waiting })
    await this.untilAnswered(waiting, { othersQueue })
    await reportWait({ taskId: this.taskId })
  }

  private async untilAnswered({ for: what, approvalId }: Waiting, demand: SeatDemand): Promise<void> {
    if (what === 'input') return this.keepingSeatAWhile(() => this.controls.answered, demand)
    if (what === 'budget') return this.keepingSeatAWhile(() => this.controls.budgetRaised, demand)
    const decided = () => approvalId === undefined || this.controls.decided.has(approvalId)
    await this.keepingSeatAWhile(() => decided(), { ...demand, limit: APPROVAL_EXPIRY })
    if (!decided() && approvalId !== undefined) await this.expire(approvalId)
  }

  private async expire(approvalId: string): Promise<void> {
    const refusal = { decision: 'reject', comment: 'It expired.', by: 'expiry', key: `expiry ${approvalId}` } as const
    await gateway.decideApproval({ taskId: this.taskId, approvalId, ...refusal }).catch((error: unknown) => {
      // A decision of the last moment, which the Manager has not heard of yet, stands.
      if (failureIn(error).code !== 'conflict') throw error
    })
  }

  private async keepingSeatAWhile(
    answered: () => boolean,
    { othersQueue, limit }: SeatDemand & { readonly limit?: '30 days' },
  ): Promise<void> {
    const served = () => answered() || this.controls.draining
    if (this.holder.seat && !othersQueue)
      await condition(served, SEAT_GRACE, { summary: 'Keeps the seat for a quick answer' })
    if (answered()) return
    await this.holder.release()
    if (limit === undefined) await condition(answered)
    else await condition(answered, limit, { summary: 'Expiry of the approval' })
  }

  private async resume(to: TaskState): Promise<void> {
    await gateway.resumeTask({ taskId: this.taskId, to })
    this.enter(to)
  }

  private async afterLoss(seat: Seat, loss: SeatLoss): Promise<void> {
    const { builder } = seat
    const noted = await gateway.noteBuilderLost({ ...this.fence(seat), ...loss, builder, run: this.lastRun })
    this.losses = countLoss(this.losses, noted)
    if (isPoison(this.losses)) throw poisoned(this.losses, noted.reason)
    const pause = noted.builderGone ? 0 : pauseAfter(this.losses)
    if (pause > 0) await sleep(pause, { summary: 'Before the step is tried again' })
  }

  /** Workflow id of the Builder run that began last, if any did. */
  private get lastRun(): string {
    return `build-${this.taskId}-${this.runs}`
  }

  /** Whether a Builder run has to stop at its next step. */
  private get isInterrupted(): boolean {
    return this.controls.paused || this.controls.draining
  }

  /** Once the work is handed to the verifier a pause waits for the next Builder run. */
  private isPausing(): boolean {
    return this.controls.paused && this.state !== 'verifying' && this.state !== 'delivering'
  }

  private isOnBuilder(): boolean {
    return this.state === 'building' || this.state === 'verifying' || this.state === 'delivering'
  }

  private fence(seat: Seat) {
    return { taskId: this.taskId, seat: seat.seat }
  }

  private enter(state: TaskState, waiting?: Waiting): void {
    this.state = state
    if (isStage(state)) this.stage = state
    const builder = this.holder.seat?.builder
    inspect({
      brief: { ...this.brief, priority: this.controls.priority },
      state,
      stage: this.stage,
      builder,
      waiting,
      costUsd: this.costUsd,
    })
  }

  private watchDeadline(deadline: string | undefined): void {
    if (deadline === undefined) return
    const left = Date.parse(deadline) - Date.now()
    // Even the shortest timer lets a step begin, and a model be paid.
    if (left <= 0) return this.endEarly('expired')
    const expire = () => this.endEarly('expired')
    void this.process.run(() => sleep(left, { summary: 'Deadline' })).then(expire, () => undefined)
  }

  private endEarly(state: 'cancelled' | 'expired'): void {
    this.end ??= state
    this.process.cancel()
  }

  /** A cancel the Manager hears of together with the last answer still counts. */
  private stopIfEnding(): void {
    if (this.process.consideredCancelled) throw new CancelledFailure('The task is being ended')
  }

  private async endedBy(error: unknown): Promise<TaskOutcome> {
    if (this.end !== undefined || isCancellation(error)) {
      const state = this.end ?? 'cancelled'
      const message =
        state === 'expired' ? 'The deadline passed. Retry the task with a later one.' : 'Cancelled on request.'
      return this.ended({ state, ...(state === 'expired' && { error: { code: 'expired', message, retryable: true } }) })
    }
    return this.ended({ state: 'failed', error: failureIn(error) })
  }

  private async ended(end: Omit<Parameters<typeof gateway.endTask>[0], 'taskId'>): Promise<TaskOutcome> {
    const released = this.holder.release()
    // When its work is done nothing runs on the seat any more; anything else has ended there before anybody hears of it.
    if (end.state !== 'completed') await released
    const brief = await gateway.endTask({ taskId: this.taskId, ...end })
    this.brief = brief
    this.costUsd = brief.costUsd
    this.enter(brief.state)
    await released
    this.process.cancel()
    await condition(allHandlersFinished)
    const { result, error } = end
    return {
      state: brief.state,
      costUsd: brief.costUsd,
      ...(result && { verdict: result.verdict }),
      ...(result?.branch !== undefined && { branch: result.branch }),
      ...(result?.pullRequest !== undefined && { pullRequest: result.pullRequest }),
      ...(error && { error: `${error.code}: ${error.message}`.slice(0, 1000) }),
    }
  }
}

/** Its builder may be gone: nobody waits for the answer. */
function stop(workflowId: string): void {
  const asked = CancellationScope.nonCancellable(() => getExternalWorkflowHandle(workflowId).cancel())
  asked.catch(() => undefined)
}

function poisoned(losses: Losses, reason: string): TaskFailed {
  const { step, builders, failures } = losses
  const what =
    builders >= failures
      ? `${builders} builders in a row were lost at the same step`
      : `The same step failed on ${failures} seats in a row`
  const message = `${what} (${step}; last: ${reason}). The task is set aside; look at that step, then retry it.`
  return new TaskFailed({ code: 'poison_task', message, retryable: false })
}
