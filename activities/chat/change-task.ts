import { fixedAnswer, textAnswer } from '../../domain/chat/answers.ts'
import { firstWord, type CommandName } from '../../domain/chat/command.ts'
import { dollarsOf, type Draft } from '../../domain/chat/task-card.ts'
import { GatewayError } from '../../domain/errors.ts'
import { checkMayChange } from '../../domain/permissions.ts'
import { isFinal, withoutPastDeadline, type Task } from '../../domain/task.ts'
import type { ChatDesk, Request } from './desk.ts'

/** A command about one task. */
export interface TaskCommand {
  readonly command: CommandName
  readonly rest: string
  /** Id of a task, or of an approval. */
  readonly named: string
}

interface Change extends TaskCommand {
  readonly task: Task
}

/**
 * Carries out a command that changes a task. Repeated because its answer was lost, it is answered as the first time: what
 * it changed is no reason to refuse it.
 */
export async function changeTask(desk: ChatDesk, request: Request, asked: Change): Promise<Draft | undefined> {
  try {
    return await change(desk, request, asked)
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'conflict') throw error
    if (await desk.control.taken(changeOf(request, asked))) return done(request, asked)
    // By its own id an approval is asked for that was decided already, or whose task has ended.
    if (asked.named !== asked.task.id) return fixedAnswer('stale')
    throw error
  }
}

const changeOf = ({ message }: Request, { task }: Change) => ({
  taskId: task.id,
  requestId: `message-${message.number}`,
})

async function change(desk: ChatDesk, request: Request, asked: Change): Promise<Draft | undefined> {
  const { control } = desk
  const { command, task } = asked
  if (command === 'retry') return retry(desk, request, task)
  if (command === 'approve' || command === 'reject') return decide(desk, request, { ...asked, command })
  checkMayChange(request.caller, 'task:control', task)
  if (isFinal(task.state))
    throw new GatewayError('conflict', `${task.id} has ended (${task.state}). Run it again: /retry ${task.id}`)
  if (command === 'budget') return raiseBudget(desk, request, asked)
  const once = changeOf(request, asked)
  if (command === 'pause') await control.pause(once)
  else if (command === 'resume') await control.resume(once)
  else if (task.state === 'delivering')
    throw new GatewayError('conflict', `${task.id} is being delivered and can no longer be stopped.`)
  else await control.cancel(once)
  return done(request, asked)
}

/** What is said of a command that was carried out. An approval given by a button is answered where the button was. */
function done({ message }: Request, { command, rest }: Change): Draft | undefined {
  switch (command) {
    case 'pause':
      return textAnswer('It pauses after the step in progress.')
    case 'resume':
      return textAnswer('It goes on.')
    case 'budget':
      return textAnswer(`The budget is ${dollarsOf(budgetIn(rest))} now.`)
    case 'approve':
      return message.kind === 'button' ? undefined : textAnswer('Approved.')
    case 'reject':
      return message.kind === 'button' ? undefined : textAnswer('Rejected.')
    default:
      return textAnswer('It is cancelled.')
  }
}

async function decide(
  { control }: ChatDesk,
  request: Request,
  asked: Change & { readonly command: 'approve' | 'reject' },
): Promise<Draft | undefined> {
  const { caller } = request
  const { command: decision, rest, named, task } = asked
  checkMayChange(caller, 'task:approve', task)
  const approvalId = named.startsWith('approval-') ? named : task.waiting?.approvalId
  if (approvalId === undefined) throw new GatewayError('conflict', `${task.id} waits for no approval (${task.state}).`)
  const [first, others] = firstWord(rest)
  const comment = first === named ? others : rest
  await control.decide({
    ...changeOf(request, asked),
    ...{ approvalId, decision, by: caller.subject },
    ...(comment !== '' && { comment }),
  })
  return done(request, asked)
}

const budgetIn = (rest: string): number => Number(firstWord(rest)[0].replace(/^\$/, ''))

async function raiseBudget({ control }: ChatDesk, request: Request, asked: Change): Promise<Draft | undefined> {
  const budgetUsd = budgetIn(asked.rest)
  if (!(budgetUsd > 0 && budgetUsd <= 1_000_000)) return textAnswer('Say the new budget in US dollars: /budget 5')
  const { budgetUsd: current = 0 } = asked.task.constraints
  // A button offers to raise what was the budget then.
  if (request.message.kind === 'button' && budgetUsd < current)
    return textAnswer(`The budget is ${dollarsOf(current)} already.`)
  await control.raiseBudget({ ...changeOf(request, asked), budgetUsd })
  return done(request, asked)
}

async function retry(desk: ChatDesk, { message, caller }: Request, task: Task): Promise<Draft | undefined> {
  checkMayChange(caller, 'task:submit', task)
  if (!isFinal(task.state))
    throw new GatewayError('conflict', `${task.id} has not ended (${task.state}). End it first: /cancel ${task.id}`)
  const { request } = await desk.store.tasks.work(task.id)
  await desk.intake.accept({
    ...{ channel: message.channel, tenant: caller.tenant, requester: caller.subject },
    ...{
      conversation: message.conversation,
      key: `message:${message.id}`,
      body: { retryOf: task.id },
      retryOf: task.id,
    },
    request: () => withoutPastDeadline(request, desk.clock()),
  })
  // The card of the new task is the answer; it says nothing of a file.
  return message.file && textAnswer('It runs again.')
}
