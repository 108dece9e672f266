import { setTimeout as delay } from 'node:timers/promises'
import { WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client'
import { GatewayError } from '../../../../domain/errors.ts'
import { isFinal, isWaiting, type TaskState } from '../../../../domain/task.ts'
import type { TaskOutcome } from '../../../../workflows/messages.ts'
import { drainSignal, seatLostSignal } from '../../../../workflows/messages.ts'
import { FakeTask } from '../fake-task.ts'
import { RunningTask } from '../running-task.ts'
import type { Step, TaskScript } from '../task-script.ts'
import type { World } from '../world.ts'
import type { Fault, Life, Message, Reaction } from './life.ts'

/** A life that has not ended by then hangs; most of them take a second. */
const LIMIT_MS = 180_000
/** So many events tell why a workflow does not go on. */
const LAST_EVENTS = 40
/** A Builder run and a seat may end a moment after the Manager. */
const LEFT_OVER_MS = 10_000
/** So long a zombie waits for its successor; a task that is cancelled meanwhile gets none. */
const ZOMBIE_MS = 1_500

/** A message, and what became of it. */
export interface Said {
  readonly message: Message
  readonly accepted: boolean
  /** It was acknowledged while a step or a wait kept the Manager from going on. */
  readonly inTime: boolean
  readonly refusal?: string
}

/** A life as it went. */
export interface Played {
  readonly life: Life
  readonly record: FakeTask
  /** Every part that was made of it. */
  readonly parts: readonly FakeTask[]
  /** Missing when it hangs. */
  readonly outcome?: TaskOutcome
  /** When it hangs, what Temporal knows of the workflows it is made of: the end of each history. */
  readonly histories?: readonly string[]
  readonly said: readonly Said[]
  /** Builder runs, and the Managers of parts. */
  readonly runs: readonly string[]
  /** Runs that did not end, and whether a builder still lends a seat. */
  readonly openRuns: readonly string[]
  /** Parts whose Manager had not ended when that of the whole did. */
  readonly outlived: readonly string[]
  /** Parts that stand in Temporal as tasks of their own. */
  readonly listed: readonly string[]
  readonly holdsSeat: boolean
}

/** Plays a life on the real workflows, to its end or until it is clear that it has none. */
export async function playLife(world: World, life: Life, Truth: typeof FakeTask = FakeTask): Promise<Played> {
  const player = new Player(world, life)
  const { deadlineInMs } = life
  const deadline = deadlineInMs === undefined ? undefined : new Date(Date.now() + deadlineInMs).toISOString()
  const played = (script: TaskScript): TaskScript => ({
    ...script,
    ...(script.parts && { parts: script.parts.map(played) }),
    ...(deadline !== undefined && { brief: { deadline } }),
    during: (step, record) => player.during(step, record),
    after: (step, record) => player.after(step, record),
    database: (moment, step, record) => player.database(moment, step, record),
  })
  const task = await world.begin(played(life.script), Truth)
  const { record } = task
  const waits = player.meetWaits(task)
  const outcome = await Promise.race([task.ended(), delay(LIMIT_MS, undefined, { ref: false })])
  const parts = world.partsOf(record)
  const seen = { life, record, parts, said: player.said }
  if (!outcome) {
    const histories = await endsOfHistories(world, task.id)
    return { ...seen, histories, ...{ runs: [], openRuns: [], outlived: [], listed: [], holdsSeat: false } }
  }
  await waits
  await player.settled()
  const children = await childrenOf(world, task.id)
  const managed = parts.map(({ id }) => id).filter((id) => children.includes(id))
  const runs = [...children, ...(await Promise.all(managed.map((id) => childrenOf(world, id)))).flat()]
  const openRuns = await untilNone(
    () => world.openAmong(runs),
    (open) => world.isAnyGivenOut(open),
  )
  const lending = ({ id }: FakeTask) => world.builders.filter((builder) => builder.holds(id))
  const seats = await untilNone(() => Promise.resolve([record, ...parts].flatMap(lending)))
  const outlived = managed.filter((id) => player.openAtEnd.includes(id))
  const listed = await listedAmong(world, task.id, managed)
  return { ...seen, outcome, runs, openRuns, outlived, listed, holdsSeat: seats.length > 0 }
}

async function childrenOf({ client }: World, id: string): Promise<readonly string[]> {
  const { events } = await client.workflow.getHandle(id).fetchHistory()
  return (events ?? []).flatMap(
    (event) => event.childWorkflowExecutionStartedEventAttributes?.workflowExecution?.workflowId ?? [],
  )
}

/** The last events of a workflow and of those below it; a failure of a workflow task with its cause. */
async function endsOfHistories(world: World, id: string): Promise<readonly string[]> {
  const { events = [] } = await world.client.workflow.getHandle(id).fetchHistory()
  const lines = (events ?? []).slice(-LAST_EVENTS).map((event) => {
    const { eventId, eventTime, ...rest } = event
    const [[kind, attributes] = ['', undefined]] = Object.entries(rest).filter(
      ([key, value]) => key.endsWith('EventAttributes') && value,
    )
    return `${String(eventId)} ${Number(eventTime?.seconds) % 10_000} ${kind} ${JSON.stringify(attributes).slice(0, 400)}`
  })
  const below = (await childrenOf(world, id)).map((child) => endsOfHistories(world, child))
  return [`history of ${id}`, ...lines, ...(await Promise.all(below)).flat()]
}

async function listedAmong({ client }: World, whole: string, parts: readonly string[]): Promise<readonly string[]> {
  const seen = await Promise.all(parts.map((id) => client.workflow.getHandle(id).describe()))
  return seen
    .filter(({ parentExecution, memo }) => parentExecution?.workflowId !== whole || memo?.['parent'] !== whole)
    .map(({ workflowId }) => workflowId)
}

/** What is still there after the time it may take; that begins anew while nobody can say yet. */
async function untilNone<T>(
  look: () => Promise<readonly T[]>,
  isUndecided: (found: readonly T[]) => Promise<boolean> = () => Promise.resolve(false),
): Promise<readonly T[]> {
  for (let deadline = Date.now() + LEFT_OVER_MS; ;) {
    const found = await look()
    if (found.length === 0 || Date.now() > deadline) return found
    if (await isUndecided(found)) deadline = Date.now() + LEFT_OVER_MS
    await delay(50)
  }
}

/** Does to a task what its life says. */
class Player {
  readonly said: Said[] = []
  /** Parts that had not ended when the whole was about to. */
  openAtEnd: readonly string[] = []
  private readonly left: Map<Fault<string>, number>
  private readonly spoken = new Set<object>()
  private readonly sending: Promise<unknown>[] = []

  constructor(
    private readonly world: World,
    private readonly life: Life,
  ) {
    this.left = new Map([...life.faults, ...life.databaseFaults].map((fault) => [fault, fault.times]))
  }

  async during(step: Step, record: FakeTask): Promise<void> {
    if (step.name === 'end' && !record.parent)
      this.openAtEnd = record.subtasks.filter(({ state }) => !isFinal(state)).map(({ id }) => id)
    await this.speak(step, record)
    const fault = this.take(this.life.faults, placeOf(step, record), ({ fault: kind }) => kind !== 'answer-lost')
    if (!fault) return
    record.log('struck', `${fault.fault} at ${step.name}`, step.seat)
    await this.strike(fault.fault, step, record)
  }

  after(step: Step, record: FakeTask): void {
    if (!this.take(this.life.faults, placeOf(step, record), ({ fault }) => fault === 'answer-lost')) return
    record.log('struck', `answer-lost at ${step.name}`, step.seat)
    throw new Error('The answer is lost.')
  }

  database(moment: 'before' | 'after', step: string, record: FakeTask): void {
    const kind = moment === 'before' ? 'away' : 'commit-unanswered'
    if (!this.take(this.life.databaseFaults, step, ({ fault }) => fault === kind)) return
    record.log('struck', `${kind} at ${step}`)
    throw new Error('The connection to the database is lost.')
  }

  /** The requester: meets every wait as the life says, until the task has ended. */
  async meetWaits(task: RunningTask): Promise<void> {
    const { record } = task
    const { reactions } = this.life
    let waits = 0
    for (let seen = 0; ; seen++) {
      await record.when(() => record.states.length > seen)
      const state = record.states[seen] as TaskState
      if (isFinal(state)) return
      const reaction = isWaiting(state) ? reactions[Math.min(waits++, reactions.length - 1)] : undefined
      if (reaction) this.sending.push(this.react(task, state, reaction))
    }
  }

  /** Resolves when every message has its answer. */
  async settled(): Promise<void> {
    await Promise.all(this.sending)
  }

  private async react(task: RunningTask, state: TaskState, reaction: Reaction): Promise<void> {
    const { record } = task
    if (reaction.when === 'never' && state === 'awaiting_approval') return
    if (reaction.when === 'late') await this.takeSeatsAway([record, ...record.subtasks])
    else if (reaction.when !== 'soon') await this.untilNobodyLends(record)
    const position = record.states.length
    const messages = replyTo(record, state, reaction)
    await Promise.all(
      messages.map((message) =>
        this.send(message, record, () => record.state === state && record.states.length === position),
      ),
    )
  }

  /** A builder that leaves: the wait goes on without a seat. */
  private async takeSeatsAway(family: readonly FakeTask[]): Promise<void> {
    const waiting = family.filter(({ state }) => isWaiting(state))
    for (const builder of this.world.builders) for (const { id } of waiting) builder.drop(id)
    await delay(30)
  }

  /** The Manager has given the seat back, unless the wait is over before. */
  private async untilNobodyLends({ id, states }: FakeTask): Promise<void> {
    const position = states.length
    while (states.length === position && this.world.builders.some((builder) => builder.serves(id))) await delay(20)
  }

  private async speak(step: Step, record: FakeTask): Promise<void> {
    const place = placeOf(step, record)
    const whole = record.parent ?? record
    const sayings = this.life.sayings.filter((saying) => saying.at === place && !this.spoken.has(saying))
    for (const saying of sayings) {
      this.spoken.add(saying)
      // A delivery that has begun is not taken back.
      const goesOn = () => step.seat >= record.seat && !isFinal(record.state) && whole.state !== 'delivering'
      const inTime = () => saying.awaited && goesOn()
      // A builder speaks to the task whose seat it lends, people to the whole.
      const hearer = ({ type }: Message) => (type === 'drain' ? record : whole)
      const sent = Promise.all(saying.messages.map((message) => this.send(message, hearer(message), inTime)))
      this.sending.push(sent)
      if (saying.awaited) await sent
    }
  }

  private async send(message: Message, record: FakeTask, inTime: () => boolean): Promise<void> {
    record.log('said', JSON.stringify(message))
    const sent = await deliver(this.world, message, record.id).then(
      () => ({ accepted: true }),
      (error: unknown) => ({ accepted: false, refusal: refusalIn(error) }),
    )
    this.said.push({ message, ...sent, inTime: inTime() })
    // Paused already, and the resume for that is spent: no new state shows this pause to who would meet it.
    if (message.type === 'pause' && record.state === 'paused')
      await this.send({ type: 'resume' }, record, () => record.state === 'paused')
  }

  private take<Kind extends string>(
    faults: readonly Fault<Kind>[],
    at: string,
    fits: (fault: Fault<Kind>) => boolean,
  ): Fault<Kind> | undefined {
    const fault = faults.find(
      (candidate) => candidate.at === at && fits(candidate) && (this.left.get(candidate) ?? 0) > 0,
    )
    if (fault) this.left.set(fault, (this.left.get(fault) ?? 0) - 1)
    return fault
  }

  private async strike(fault: Fault['fault'], step: Step, record: FakeTask): Promise<void> {
    const builder = this.world.builders.find(({ id }) => id === step.builder)
    const lost = () => record.when(() => record.seat > step.seat || isFinal(record.state))
    switch (fault) {
      case 'throws-internal':
        throw new Error('ECONNRESET')
      case 'throws-retryable':
        throw new GatewayError('model_overloaded', 'It is overloaded.', { retryable: true, retryAfterMs: 30 })
      case 'throws-final':
        throw new GatewayError('workspace_refused', 'It cannot be done.')
      case 'dropped':
        builder?.drop(record.id)
        return forever()
      case 'killed':
        await this.announceGone(step, record)
        return forever()
      case 'zombie':
        builder?.freeze(record.id)
        await this.announceGone(step, record)
        await Promise.race([lost(), delay(ZOMBIE_MS)])
        builder?.thaw(record.id)
        return
      case 'frozen':
        builder?.freeze(record.id)
        await lost()
        builder?.thaw(record.id)
        return
      case 'answer-lost':
        return
    }
  }

  private async announceGone({ builder }: Step, { id }: FakeTask): Promise<void> {
    const gone = { builder, reason: 'its process exited' }
    await this.world.client.workflow.getHandle(id).signal(seatLostSignal, gone)
  }
}

/** What a life calls a step: those of parts stand apart. */
const placeOf = ({ name }: Step, { part }: FakeTask): string => (part > 0 ? `part ${part}: ${name}` : name)

/** Until the step is cancelled with its seat. */
const forever = (): Promise<never> => new Promise(() => undefined)

function replyTo(record: FakeTask, state: TaskState, { refuses, twice }: Reaction): readonly Message[] {
  const text = (number: number) => `reply ${record.states.length}.${number}`
  const approvalId = record.waiting?.approvalId ?? ''
  switch (state) {
    case 'awaiting_input':
      return [1, 2].slice(0, twice ? 2 : 1).map((number) => ({ type: 'say', text: text(number) }))
    case 'awaiting_approval': {
      const types = refuses ? (['reject', 'approve'] as const) : (['approve', 'reject'] as const)
      return types.slice(0, twice ? 2 : 1).map((type) => ({ type, approvalId }))
    }
    case 'awaiting_budget':
      return [{ type: 'raiseBudget', budgetUsd: 9 }]
    default:
      return [{ type: 'resume' }]
  }
}

async function deliver(world: World, message: Message, taskId: string): Promise<unknown> {
  const handle = world.client.workflow.getHandle(taskId)
  const task = new RunningTask(handle as RunningTask['handle'], { id: taskId } as FakeTask)
  switch (message.type) {
    case 'cancel':
      return task.cancel()
    case 'pause':
      return task.pause()
    case 'resume':
      return task.resume()
    case 'drain': {
      const { builder } = await task.status()
      return handle.signal(drainSignal, { builder: builder ?? '' })
    }
    case 'say':
      return task.say(message.text)
    case 'approve':
      return task.approve(message.approvalId)
    case 'reject':
      return task.reject(message.approvalId)
    case 'reprioritise':
      return task.reprioritise(message.priority)
    case 'raiseBudget':
      return task.raiseBudget(message.budgetUsd)
  }
}

function refusalIn(error: unknown): string {
  if (error instanceof WorkflowNotFoundError) return 'ended'
  const cause = error instanceof WorkflowUpdateFailedError ? error.cause : error
  return cause instanceof Error ? `${(cause as { type?: string }).type ?? cause.name}: ${cause.message}` : String(cause)
}
