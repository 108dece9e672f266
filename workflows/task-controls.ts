import { CancellationScope, currentUpdateInfo, setHandler } from '@temporalio/workflow'
import { toPriority } from '../domain/priority.ts'
import type { Priority, TaskState } from '../domain/task.ts'
import { gateway } from './gateway-activities.ts'
import { checkBudget, checkDecision, checkPriority, checkText } from './message-checks.ts'
import * as messages from './messages.ts'
import type { SeatHolder } from './seat-holder.ts'
import type { Subtasks } from './subtasks.ts'

/** What people asked of a running task, for the process to look at. */
export interface Controls {
  paused: boolean
  /** An `ask_user` or clarifying question was answered. */
  answered: boolean
  budgetRaised: boolean
  /** The builder that holds the seat wants to hand it over. */
  draining: boolean
  readonly decided: Set<string>
  /** Ids of what people asked for, as far as it is done. */
  readonly taken: Set<string>
  priority: Priority
}

/** Nothing was asked yet. */
export const controlsOf = (priority: Priority): Controls => ({
  ...{ paused: false, answered: false, budgetRaised: false, draining: false },
  ...{ decided: new Set(), taken: new Set(), priority },
})

interface ControlledTask {
  readonly taskId: string
  readonly holder: SeatHolder
  readonly subtasks: Subtasks
  readonly controls: Controls
  readonly state: () => TaskState
  readonly cancel: () => void
  /** Asks a Builder run in progress to stop at its next step boundary. */
  readonly interrupt: () => void
}

/**
 * What was begun for a message is done to its end, also when the workflow is cancelled in the same moment. A signal that
 * fails would end the workflow at once, and its task would be left without an end.
 */
const completed =
  <Input, Output>(handle: (input: Input) => Promise<Output>) =>
  (input: Input): Promise<Output> =>
    CancellationScope.nonCancellable(() => handle(input))

/** The same for an update, which is remembered by its id once it is done. */
const taking =
  <Input, Output>({ taken }: Controls, handle: (input: Input) => Promise<Output>) =>
  async (input: Input): Promise<Output> => {
    const id = currentUpdateInfo()?.id
    const output = await completed(handle)(input)
    if (id !== undefined) taken.add(id)
    return output
  }

/** Connects signals, updates and the status query of `manageTask` to a task. */
export function handleMessages(task: ControlledTask): void {
  handlePeople(task)
  handleBuilders(task)
  handleFamily(task)
  handleChanges(task)
}

function handlePeople({ holder, subtasks, controls, state, cancel, interrupt }: ControlledTask): void {
  const once = (act: () => void) => (asked?: messages.Asked) => {
    const { requestId } = asked ?? {}
    if (requestId !== undefined && controls.taken.has(requestId)) return
    act()
    if (requestId !== undefined) controls.taken.add(requestId)
  }
  setHandler(messages.cancelSignal, once(cancel), { description: 'End the task as cancelled.' })
  const pause = () => {
    controls.paused = true
    interrupt()
    subtasks.pause()
  }
  const resume = () => {
    controls.paused = false
    subtasks.resume()
  }
  setHandler(messages.pauseSignal, once(pause), { description: 'Stop after the step in progress and wait for resume.' })
  setHandler(messages.resumeSignal, once(resume), { description: 'Go on after a pause.' })
  setHandler(
    messages.messageReceivedSignal,
    ({ kind }) => {
      if (kind === 'answer') controls.answered = true
    },
    { description: 'The store holds new text for this task.' },
  )
  const status = () => ({
    state: state(),
    builder: holder.seat?.builder ?? null,
    seat: holder.number,
    paused: controls.paused,
  })
  setHandler(messages.statusQuery, status, { description: 'State, builder and seat.' })
  setHandler(messages.takenQuery, (requestId) => controls.taken.has(requestId), {
    description: 'Whether what was asked for with this id is done.',
  })
}

function handleBuilders({ holder, controls, interrupt }: ControlledTask): void {
  setHandler(messages.seatGrantedSignal, (seat) => holder.granted(seat), {
    description: 'From a builder: the seat is yours.',
  })
  setHandler(messages.seatLostSignal, (event) => holder.builderGone(event), {
    description: 'From the supervisor: a builder is gone.',
  })
  const drain = ({ builder }: { readonly builder: string }) => {
    if (holder.seat?.builder !== builder) return
    controls.draining = true
    interrupt()
  }
  setHandler(messages.drainSignal, drain, { description: 'From a builder: hand the seat over after this step.' })
}

/** What Managers of a task and of its sub-tasks tell each other. */
function handleFamily({ taskId, subtasks, controls }: ControlledTask): void {
  setHandler(messages.subtaskWaitSignal, (report) => subtasks.reported(report), {
    description: 'From a sub-task: it waits for a person, or no longer does.',
  })
  const take = async (relayed: messages.Relayed): Promise<void> => {
    switch (relayed.type) {
      case 'approval-decided':
        controls.decided.add(relayed.approvalId)
        return
      case 'budget-raised':
        controls.budgetRaised = true
        return
      case 'reprioritised':
        await gateway.changePriority({ taskId, priority: relayed.priority })
        controls.priority = relayed.priority
    }
  }
  setHandler(messages.relayedSignal, completed(take), { description: 'From the whole: what people said to it.' })
}

/** Who stands behind an update that names nobody. */
const OPERATOR = 'temporal'

/** What the store knows an update by when its step is repeated. */
const updateKey = (): string => `update ${currentUpdateInfo()?.id}`

function handleChanges(task: ControlledTask): void {
  const { taskId, subtasks, controls } = task
  const decide = (decision: 'approve' | 'reject') => async (given: messages.ApprovalDecision) => {
    const { approvalId } = given
    const subtaskId = subtasks.askingFor(approvalId)
    const decided = { decision, ...given, by: given.by ?? OPERATOR, key: updateKey() }
    await gateway.decideApproval({ taskId: subtaskId ?? taskId, ...decided })
    if (subtaskId === undefined) controls.decided.add(approvalId)
    else subtasks.tell(subtaskId, { type: 'approval-decided', approvalId })
  }
  setHandler(messages.approveUpdate, taking(controls, decide('approve')), {
    validator: checkDecision,
    description: 'Allow the waiting tool call: {"approvalId":"…"}.',
  })
  setHandler(messages.rejectUpdate, taking(controls, decide('reject')), {
    validator: checkDecision,
    description: 'Refuse the waiting tool call: {"approvalId":"…","comment":"…"}.',
  })
  const steer = async ({ text, from = OPERATOR, attachment }: messages.SteeringText) => {
    const message = { text, from, key: updateKey(), ...(attachment !== undefined && { attachment }) }
    const taken = await subtasks.receive(message)
    if (taken) return taken
    const kind = await gateway.receiveMessage({ taskId, ...message })
    if (kind === 'answer') controls.answered = true
    return kind
  }
  setHandler(messages.steerUpdate, taking(controls, steer), {
    validator: checkText,
    description: 'Answer the open question or steer the next turn: {"text":"…"}.',
  })
  handleLimits(task)
}

function handleLimits({ taskId, subtasks, controls }: ControlledTask): void {
  const reprioritise = async ({ priority }: { readonly priority: number }) => {
    await gateway.changePriority({ taskId, priority: toPriority(priority) })
    controls.priority = toPriority(priority)
    subtasks.tellAll({ type: 'reprioritised', priority: toPriority(priority) })
  }
  setHandler(messages.reprioritiseUpdate, completed(reprioritise), {
    validator: checkPriority,
    description: 'Change the priority, 1 (first) to 5: {"priority":1}.',
  })
  const raiseBudget = async ({ budgetUsd }: { readonly budgetUsd: number }) => {
    await gateway.changeBudget({ taskId, budgetUsd })
    controls.budgetRaised = true
    subtasks.tellAll({ type: 'budget-raised' })
  }
  setHandler(messages.raiseBudgetUpdate, taking(controls, raiseBudget), {
    validator: checkBudget,
    description: 'Set a new budget in US dollars: {"budgetUsd":5}.',
  })
}
