import { acceptsSteering, isFinal, type Task } from '../task.ts'
import { firstWord, readCommand, type CommandName } from './command.ts'
import type { ChatMessage } from './message.ts'

/** What a conversation's tasks are to somebody who writes in it. */
export type ChatTask = Pick<Task, 'id' | 'state' | 'title' | 'waiting'>

/** What is known when a message is read. */
export interface MessageContext {
  /** Whether the sender may ask for anything but a link. */
  readonly isKnown: boolean
  /** Tasks of the conversation, newest first, ended ones too. */
  readonly tasks: readonly ChatTask[]
  /** The task the message answers, whosever it is, when it answers a message about one. */
  readonly repliedTask?: ChatTask | undefined
  /** The bot's own name, where commands can carry one. */
  readonly bot?: string | undefined
}

/**
 * What a message asks for. It stands in the workflow's history, so it holds ids and names, never what somebody said.
 * `message` is the stored message whose words count: an earlier one when a button says what that was meant for.
 */
export type Meaning =
  | { readonly type: 'new-task'; readonly message: number; readonly repository?: string }
  | { readonly type: 'say'; readonly message: number; readonly taskId: string }
  | { readonly type: 'ask-which'; readonly message: number; readonly taskIds: readonly string[] }
  | { readonly type: 'ask-which-task'; readonly command: CommandName; readonly taskIds: readonly string[] }
  | { readonly type: 'command'; readonly command: CommandName; readonly taskId?: string }
  | { readonly type: 'answer'; readonly answer: FixedAnswer }
  | { readonly type: 'nothing' }

/** Answers that need nothing but the message. */
export type FixedAnswer = 'unknown-command' | 'wordless' | 'file-alone' | 'stranger' | 'no-task' | 'empty-new' | 'stale'

/** Commands about a task that has not ended. */
const RUNNING_ONLY: readonly CommandName[] = ['cancel', 'pause', 'resume', 'approve', 'reject', 'budget']
/** Commands about any task. */
const ANY_TASK: readonly CommandName[] = ['status', 'diff', 'logs', 'cost', 'retry']

/**
 * Whether a message of a group is about others: another bot's command, or somebody else's mention, which a bot may get
 * to read too. Without the bot's own name nobody can tell.
 */
export function isForOthers({ isGroup, text, kind, replyTo }: ChatMessage, bot: string | undefined): boolean {
  if (!isGroup || kind === 'button' || replyTo !== undefined || bot === undefined) return false
  return readCommand(text, bot) === undefined && !new RegExp(`@${bot}(?!\\w)`, 'i').test(text)
}

/** Tells a new task from an answer, a steer, an approval, a command, and what needs a question back. */
export function meaningOf(message: ChatMessage & { readonly number: number }, context: MessageContext): Meaning {
  if (isForOthers(message, context.bot)) return { type: 'nothing' }
  const command = message.kind === 'wordless' ? undefined : readCommand(message.text, context.bot)
  if (!context.isKnown) {
    if (command?.name === 'link') return { type: 'command', command: 'link' }
    // In a group nobody is told anything whom the gateway does not know.
    return message.isGroup ? { type: 'nothing' } : { type: 'answer', answer: 'stranger' }
  }
  if (message.kind === 'wordless') return ofWordless(message, context)
  if (!command) return message.kind === 'button' ? STALE : ofFreeText(message, context)
  if (command.name === undefined) return { type: 'answer', answer: 'unknown-command' }
  if (command.name === 'to') return pickedTask(command.rest)
  if (command.name === 'in') return pickedRepository(command.rest)
  if (command.name === 'new')
    return command.rest === '' ? { type: 'answer', answer: 'empty-new' } : { type: 'new-task', message: message.number }
  return ofCommand(command.name, command.rest, context)
}

const STALE: Meaning = { type: 'answer', answer: 'stale' }

/** A file without words can belong to a task that runs; what a new one should be nobody has said. */
function ofWordless(message: ChatMessage & { readonly number: number }, context: MessageContext): Meaning {
  if (message.file?.reference === undefined) return { type: 'answer', answer: 'wordless' }
  const meaning = ofFreeText(message, context)
  return meaning.type === 'new-task' ? { type: 'answer', answer: 'file-alone' } : meaning
}

function ofFreeText({ number }: { readonly number: number }, { tasks, repliedTask }: MessageContext): Meaning {
  const running = tasks.filter(({ state }) => !isFinal(state))
  if (!repliedTask && running.length > 1)
    return { type: 'ask-which', message: number, taskIds: running.map(({ id }) => id) }
  // An answer to a task that takes no text any more is the next task, whatever else runs.
  const meant = repliedTask ?? running[0]
  return meant && acceptsSteering(meant.state)
    ? { type: 'say', message: number, taskId: meant.id }
    : { type: 'new-task', message: number }
}

function ofCommand(command: CommandName, rest: string, context: MessageContext): Meaning {
  const runningOnly = RUNNING_ONLY.includes(command)
  if (!runningOnly && !ANY_TASK.includes(command)) return { type: 'command', command }
  const named = namedTask(command, rest) ?? context.repliedTask?.id
  // Whose it is, whether the sender may touch it and whether the command fits it, the command itself says.
  if (named !== undefined) return { type: 'command', command, taskId: named }
  const fitting = context.tasks.filter((task) => fits(command, task))
  const only = fitting.length === 1 || !runningOnly ? preferred(fitting) : undefined
  if (only) return { type: 'command', command, taskId: only.id }
  if (fitting.length === 0) return { type: 'answer', answer: 'no-task' }
  return { type: 'ask-which-task', command, taskIds: fitting.map(({ id }) => id) }
}

/** Looking at a task needs no question back: the running one, else the newest. */
const preferred = (tasks: readonly ChatTask[]): ChatTask | undefined =>
  tasks.find(({ state }) => !isFinal(state)) ?? tasks[0]

function fits(command: CommandName, { state, waiting }: ChatTask): boolean {
  if (command === 'approve' || command === 'reject') return waiting?.for === 'approval'
  if (command === 'retry') return isFinal(state)
  return ANY_TASK.includes(command) || !isFinal(state)
}

/** An id among a command's words: of a task, or of what it waits with. */
function namedTask(command: CommandName, rest: string): string | undefined {
  const [first, second] = firstWord(rest)
  const candidate = command === 'budget' ? firstWord(second)[0] : first
  return /^(task|approval)-[0-9A-Za-z]{4,30}$/.test(candidate) ? candidate : undefined
}

function pickedTask(rest: string): Meaning {
  const [message, task] = firstWord(rest)
  if (!/^\d{1,15}$/.test(message)) return STALE
  if (task === 'new') return { type: 'new-task', message: Number(message) }
  return /^task-[0-9A-Z]{26}$/.test(task) ? { type: 'say', message: Number(message), taskId: task } : STALE
}

function pickedRepository(rest: string): Meaning {
  const [message, repository] = firstWord(rest)
  if (!/^\d{1,15}$/.test(message) || repository === '') return STALE
  return { type: 'new-task', message: Number(message), repository }
}
