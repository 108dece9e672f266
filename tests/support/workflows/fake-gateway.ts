import { Context } from '@temporalio/activity'
import { beating } from '../../../activities/beating.ts'
import { toldMessage } from '../../../activities/prompts/subtasks.ts'
import type { GatewayActivities, NotedLoss, SeatDemand, UnderstandingOutcome, Wait } from '../../../domain/contracts.ts'
import { GatewayError } from '../../../domain/errors.ts'
import type { BuilderRuns } from '../../../domain/ports/builder-runs.ts'
import { conclude } from '../../../domain/subtasks.ts'
import { isFinal, isWaiting, type Waiting } from '../../../domain/task.ts'
import type { FakeTask } from './fake-task.ts'
import type { TaskScript } from './task-script.ts'

const APPROVAL_DAYS = 30

export interface FakeTasks {
  readonly find: (taskId: string) => FakeTask
  /** Makes a part of a task known. */
  readonly add: (parent: FakeTask, script: TaskScript) => FakeTask
}

/** The Manager's activities on scripted tasks. */
export function createFakeGateway(tasks: FakeTasks, runs: BuilderRuns): GatewayActivities {
  const { find } = tasks
  return watched(find, { ...stages(find), ...family(tasks), ...seating(find, runs), ...requests(find) })
}

/** The script looks on before and after each of them. */
function watched(find: Find, activities: GatewayActivities): GatewayActivities {
  const watch =
    (name: string, activity: (input: never) => Promise<unknown>) => async (input: { readonly taskId: string }) => {
      const task = find(input.taskId)
      await task.script.database?.('before', name, task)
      const output = await activity(input as never)
      await task.script.database?.('after', name, task)
      return output
    }
  const watching = Object.entries(activities).map(([name, activity]) => [name, watch(name, activity)])
  return Object.fromEntries(watching) as GatewayActivities
}

type Find = (taskId: string) => FakeTask

const byGateway = (name: string) => ({ name, attempt: Context.current().info.attempt, seat: 0, builder: '' })

const demandOf = ({ script: { othersQueue = false } }: FakeTask): SeatDemand => ({ othersQueue })

function stages(find: Find) {
  return {
    async understandTask({ taskId, round }) {
      const task = find(taskId)
      task.move('understanding')
      // Understood together with the whole.
      if (task.parent) return { type: 'understood', brief: task.brief }
      return beating(async () => {
        await task.begin(byGateway(`understand ${round}`))
        return task.understand(round, () => understoodBy(task, round))
      })
    },
    async awaitHuman({ taskId, wait }) {
      const task = find(taskId)
      task.waiting = waitingFor(task, wait)
      task.move(`awaiting_${wait.for}`, `${wait.for}-requested`)
      return Promise.resolve({ ...task.waiting, ...demandOf(task) })
    },
    async pauseTask({ taskId }) {
      find(taskId).move('paused')
      return Promise.resolve(demandOf(find(taskId)))
    },
    async resumeTask({ taskId, to }) {
      find(taskId).move(to)
      find(taskId).waiting = undefined
      return Promise.resolve()
    },
    async beginVerification({ taskId }) {
      const task = find(taskId)
      if (task.unread.length > 0) return Promise.resolve(false)
      task.move('verifying')
      return Promise.resolve(true)
    },
    async requestRepair({ taskId, outcome, attempt }) {
      const task = find(taskId)
      if (task.state !== 'verifying') return Promise.resolve()
      task.once(`verification ${attempt}`, () => task.unread.push(outcome.log))
      task.move('building')
      return Promise.resolve()
    },
    async beginDelivery({ taskId }) {
      find(taskId).move('delivering')
      return Promise.resolve()
    },
    async endTask({ taskId, state, result, error }) {
      const task = find(taskId)
      await task.begin(byGateway('end'))
      task.error = error
      if (!isFinal(task.state)) task.result = result
      if (!isFinal(task.state)) task.move(state, `task-ended ${error?.code ?? state}`)
      for (const part of task.subtasks) if (!isFinal(part.state)) part.move('cancelled', 'task-ended cancelled')
      return task.brief
    },
  } satisfies Partial<GatewayActivities>
}

function understoodBy(task: FakeTask, round: number): UnderstandingOutcome {
  const answers = task.script.understanding ?? ['understood']
  const answer = answers[Math.min(round, answers.length) - 1] ?? 'understood'
  const { brief } = task
  const { parts } = task.script
  if (answer === 'budget-reached') return { type: 'budget-reached', brief }
  if (answer === 'understood') return { type: 'understood', brief, ...(parts && { parts: parts.length }) }
  return 'asks' in answer
    ? { type: 'unclear', brief, question: answer.asks }
    : { type: 'answered', brief, answer: answer.answers }
}

function waitingFor(task: FakeTask, wait: Wait): Waiting {
  if (wait.for === 'budget') return { for: 'budget' }
  if (wait.for === 'input') return { for: 'input', question: 'question' in wait ? wait.question : 'Which colour?' }
  const expiresAt = new Date(Date.now() + APPROVAL_DAYS * 86_400_000).toISOString()
  return { for: 'approval', approvalId: task.approvalOf(wait), tool: 'run_shell_command', expiresAt }
}

function family({ find, add }: FakeTasks) {
  return {
    async openSubtasks({ taskId }) {
      const task = find(taskId)
      const subtasks = task.divide(() => (task.script.parts ?? []).map((script) => add(task, script)))
      task.move('building')
      return Promise.resolve(subtasks.map(({ brief }) => brief))
    },
    async showSubtaskWait({ taskId, subtaskId, waiting: reported }) {
      const { waiting, part } = find(subtaskId)
      if (waiting?.for !== reported.for || waiting.approvalId !== reported.approvalId) return Promise.resolve(undefined)
      const whole = find(taskId)
      if (isWaiting(whole.state) && whole.waiting?.approvalId !== waiting.approvalId) whole.move('building')
      whole.waiting = waiting
      if (whole.move(`awaiting_${waiting.for}`, `${waiting.for}-requested`))
        whole.log('shown', `${waiting.for} of part ${part}`)
      return Promise.resolve(waiting)
    },
    async keepMessage({ taskId, key, text, answered }) {
      const question = answered === undefined ? undefined : find(answered).waiting?.question
      const task = find(taskId)
      if (isFinal(task.state)) return Promise.resolve()
      return Promise.resolve(task.once(key, () => task.keep(toldMessage({ question, text }))))
    },
    async concludeSubtasks({ taskId }) {
      const ends = find(taskId).subtasks.map((task) => ({ ...task.brief, id: task.id, prompt: '', error: task.error }))
      return Promise.resolve(conclude(ends).failure)
    },
  } satisfies Partial<GatewayActivities>
}

function seating(find: Find, runs: BuilderRuns) {
  return {
    async queueTask({ taskId }) {
      find(taskId).move('queued', 'task-queued')
      return Promise.resolve({ strategy: 'kind', model: 'm', profile: 'engineering' })
    },
    async assignBuilder({ taskId, seat, builder, attempt }) {
      const task = find(taskId)
      if (task.seat >= seat) return Promise.resolve()
      if (isFinal(task.state)) throw new GatewayError('conflict', `${taskId} has ended already (${task.state}).`)
      task.seat = seat
      task.assignedAt ||= Date.now()
      task.note(`builder-assigned ${builder} seat ${seat} attempt ${attempt}`)
      if (task.state === 'queued') task.move('building')
    },
    async noteBuilderLost({ taskId, seat, builder, run, reason, answered }) {
      await runs.end({ id: run, reason })
      const task = find(taskId)
      const note = (): NotedLoss => {
        if (isFinal(task.state)) throw new GatewayError('conflict', `${taskId} is ${task.state}.`)
        task.note(`builder-lost ${builder}: ${reason}`)
        const turn = task.nextTurn()
        const step = `${task.state}, turn ${turn}, call ${task.callsDone(turn) + 1}`
        return { step, reason, builderGone: !answered }
      }
      return Promise.resolve(task.once(`lost seat ${seat}`, note))
    },
  } satisfies Partial<GatewayActivities>
}

function requests(find: Find) {
  return {
    async receiveMessage({ taskId, text, key, attachment }) {
      const task = find(taskId)
      if (attachment !== undefined) task.attachments.add(attachment)
      return Promise.resolve(task.once(key, () => task.receive(text)))
    },
    async decideApproval({ taskId, key, ...decision }) {
      const task = find(taskId)
      return Promise.resolve(task.once(key, () => task.decide(decision)))
    },
    async changeBudget({ taskId, budgetUsd }) {
      find(taskId).raiseBudget(budgetUsd)
      return Promise.resolve()
    },
    async changePriority({ taskId, priority }) {
      find(taskId).change({ priority })
      return Promise.resolve()
    },
  } satisfies Partial<GatewayActivities>
}
