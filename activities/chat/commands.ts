import {
  costAnswer,
  diffAnswer,
  fixedAnswer,
  helpAnswer,
  logsAnswer,
  repositoriesAnswer,
  tasksAnswer,
  textAnswer,
} from '../../domain/chat/answers.ts'
import type { AskedCall } from '../../domain/chat/approval-question.ts'
import { readCommand, type CommandName } from '../../domain/chat/command.ts'
import type { Meaning } from '../../domain/chat/meaning.ts'
import { joined, plain } from '../../domain/chat/styled-text.ts'
import { cardOf, endOf, waitOf, type Draft } from '../../domain/chat/task-card.ts'
import { checkAllowed, isAllowed, mayChange } from '../../domain/permissions.ts'
import { ALL_EVENTS } from '../../domain/limits.ts'
import { isFinal, type Task } from '../../domain/task.ts'
import { changeTask, type TaskCommand } from './change-task.ts'
import { reply, type ChatDesk, type Request } from './desk.ts'
import { repositoriesOf } from './tasks.ts'

const LISTED = 10
const LOGGED = 12

type CommandMeaning = Extract<Meaning, { type: 'command' }>

/** Carries a command out and answers it; an approval given by a button is answered where the button was. */
export async function carryOutCommand(desk: ChatDesk, request: Request, meaning: CommandMeaning): Promise<void> {
  const rest = readCommand(request.message.text)?.rest ?? ''
  const answer =
    meaning.taskId === undefined
      ? await general(desk, request, { command: meaning.command, rest })
      : await aboutTask(desk, request, { command: meaning.command, rest, named: meaning.taskId })
  if (answer) await reply(desk, request.message, answer)
}

async function general(
  desk: ChatDesk,
  { message, caller }: Request,
  { command, rest }: { readonly command: CommandName; readonly rest: string },
): Promise<Draft> {
  if (command === 'tasks') {
    checkAllowed(caller, 'task:read')
    const { tenant, subject: requester } = caller
    return tasksAnswer((await desk.store.tasks.list({ tenant, requester, limit: LISTED })).items)
  }
  if (command !== 'repo') return command === 'help' ? helpAnswer() : fixedAnswer('no-task')
  const { conversation } = message
  const names = repositoriesOf(desk, caller).map(({ name }) => name)
  if (rest === '') return repositoriesAnswer(names, (await desk.store.chats.conversation(conversation)).repository)
  const chosen = names.find((name) => name.toLowerCase() === rest.toLowerCase()) ?? rest
  if (!names.includes(chosen) && !/^(https|ssh|file):\/\/\S+$/.test(chosen))
    return textAnswer(`I know no repository ${chosen.slice(0, 80)}. /repo lists those I know; a URL works too.`)
  await desk.store.chats.chooseRepository({ conversation, repository: chosen })
  return textAnswer(`New tasks of this chat are done in ${chosen}.`)
}

async function aboutTask(
  desk: ChatDesk,
  request: Request,
  asked: TaskCommand,
): Promise<(Draft & { taskId?: string }) | undefined> {
  const task = await taskOf(desk, request, asked)
  if (!task) return asked.named.startsWith('approval-') ? fixedAnswer('stale') : fixedAnswer('no-task')
  const looked = await look(desk, request, { command: asked.command, task })
  const answer = looked ?? (await changeTask(desk, request, { ...asked, task }))
  return answer && { ...answer, taskId: task.id }
}

async function taskOf({ store }: ChatDesk, { caller }: Request, { named }: TaskCommand): Promise<Task | undefined> {
  const { tenant } = caller
  if (named.startsWith('task-')) return store.tasks.find(named, tenant)
  const task = await store.conversations.taskOfApproval({ approvalId: named, tenant })
  // Who may not decide over a task learns nothing of it by an approval's id.
  return task && isAllowed(caller, 'task:approve') && mayChange(caller, task) ? task : undefined
}

/** Commands that change nothing. */
async function look(
  desk: ChatDesk,
  { caller }: Request,
  { command, task }: { readonly command: CommandName; readonly task: Task },
): Promise<Draft | undefined> {
  const { store } = desk
  const link = desk.linkOf(task.id)
  if (!['status', 'cost', 'diff', 'logs'].includes(command)) return undefined
  checkAllowed(caller, 'task:read')
  if (command === 'cost') return costAnswer(task)
  if (command === 'diff') {
    const patch = await store.artifacts.patch(task.id)
    return diffAnswer({ task, patch: Buffer.from(patch ?? []).toString('utf8'), link })
  }
  if (command === 'logs') {
    const events = await store.tasks.events({ taskId: task.id, after: 0, limit: ALL_EVENTS })
    return logsAnswer(events.slice(-LOGGED), link)
  }
  const { route } = await store.tasks.work(task.id)
  const context = { task, model: route?.model, link, now: desk.clock() }
  const card = isFinal(task.state) ? { ...endOf(context), buttons: cardOf(context).buttons } : cardOf(context)
  const wait = waitOf({ task }, await askedCall(desk, task))
  return wait ? { text: joined([card.text, plain(''), wait.text]), buttons: wait.buttons } : card
}

/** The call a task asks an approval for: a command that asks where it stands is shown the whole of it. */
async function askedCall({ store }: ChatDesk, { id, waiting }: Task): Promise<AskedCall | undefined> {
  if (waiting?.for !== 'approval') return undefined
  const events = await store.tasks.events({ taskId: id, after: 0, limit: ALL_EVENTS })
  const asked = events.findLast(
    ({ type, data }) => type === 'approval-requested' && data['approvalId'] === waiting.approvalId,
  )
  return asked && { args: asked.data['args'], whole: true }
}
