import { failedAnswer, fixedAnswer, textAnswer, whichForCommand, whichTaskQuestion } from '../../domain/chat/answers.ts'
import { meaningOf, type FixedAnswer, type Meaning } from '../../domain/chat/meaning.ts'
import { SETTLE_MS } from '../../domain/limits.ts'
import type { ConversationActivities } from '../../domain/contracts.ts'
import { GatewayError } from '../../domain/errors.ts'
import { mayChange } from '../../domain/permissions.ts'
import type { StoredMessage } from '../../domain/ports/chat-store.ts'
import { carryOutCommand } from './commands.ts'
import { reply, type ChatDesk, type Request } from './desk.ts'
import { callerOf } from './known-sender.ts'
import { linkSender } from './link.ts'
import { beginTask, tell } from './tasks.ts'

/** More running tasks than that nobody tells apart by buttons. */
const TASKS_IN_SIGHT = 20
/** Said once a day to the same chat at most: the second time it is noise. */
const ONCE_A_DAY: readonly FixedAnswer[] = ['wordless', 'file-alone', 'stranger']

/** What a conversation does, step by step. */
export function createConversationActivities(desk: ChatDesk): ConversationActivities {
  const { store } = desk
  return {
    async readNextMessage({ conversation }) {
      const message = await store.chats.next(conversation)
      if (!message) return undefined
      if (message.ageMs < SETTLE_MS) return { waitMs: Math.ceil(SETTLE_MS - message.ageMs) }
      return { message: message.number, meaning: await meaningIn(desk, message) }
    },
    async carryOut({ message: number, meaning }) {
      const message = await store.chats.message(number)
      if (!message || message.isHandled) return
      await carryOut(desk, message, meaning)
      await store.chats.markHandled(number)
    },
    async giveUp({ message: number }) {
      const message = await store.chats.message(number)
      if (message) await reply(desk, message, failedAnswer())
      await store.chats.markHandled(number)
    },
  }
}

async function meaningIn(desk: ChatDesk, message: StoredMessage): Promise<Meaning> {
  const { chats, chatUsers } = desk.store
  const { conversation } = message
  const [caller, tasks, repliedTask] = await Promise.all([
    callerOf({ chatUsers, access: desk.access }, message),
    chats.tasks({ conversation, limit: TASKS_IN_SIGHT }),
    repliedTaskOf(desk, message),
  ])
  const bot = desk.channels.get(message.channel)?.botName
  // Where several people write, each speaks about the own tasks unless one is named.
  const own = tasks.filter((task) => caller && mayChange(caller, task))
  return meaningOf(message, { isKnown: caller !== undefined, tasks: own, repliedTask, bot })
}

/** The task of the message that is answered: other people's too, so that the answer is not taken for one to an own task. */
async function repliedTaskOf({ store }: ChatDesk, { conversation, replyTo: providerId }: StoredMessage) {
  const id = providerId === undefined ? undefined : await store.outbox.taskOf({ conversation, providerId })
  return id === undefined ? undefined : store.tasks.find(id)
}

async function carryOut(desk: ChatDesk, message: StoredMessage, meaning: Meaning): Promise<void> {
  if (meaning.type === 'nothing') return
  if (meaning.type === 'answer') return answerFixed(desk, message, meaning.answer)
  if (meaning.type === 'command' && meaning.command === 'link') return linkSender(desk, message)
  const caller = await callerOf({ chatUsers: desk.store.chatUsers, access: desk.access }, message)
  if (!caller) return answerFixed(desk, message, 'stranger')
  try {
    await carryOutKnown(desk, { message, caller }, meaning)
  } catch (error) {
    // What is refused for good is the answer; what may work later is tried again.
    if (!(error instanceof GatewayError) || error.retryable || error.code === 'internal') throw error
    await reply(desk, message, textAnswer(error.message))
  }
}

async function carryOutKnown(
  desk: ChatDesk,
  request: Request,
  meaning: Exclude<Meaning, { type: 'nothing' | 'answer' }>,
): Promise<void> {
  const { message } = request
  switch (meaning.type) {
    case 'new-task':
      return beginTask(desk, request, meaning)
    case 'say':
      return tell(desk, request, meaning)
    case 'ask-which':
      return reply(desk, message, whichTaskQuestion(meaning.message, await among(desk, message, meaning.taskIds)))
    case 'ask-which-task':
      return reply(desk, message, whichForCommand(meaning.command, await among(desk, message, meaning.taskIds)))
    case 'command':
      return carryOutCommand(desk, request, meaning)
  }
}

async function among({ store }: ChatDesk, { conversation }: StoredMessage, ids: readonly string[]) {
  const tasks = await store.chats.tasks({ conversation, limit: TASKS_IN_SIGHT })
  return tasks.filter(({ id }) => ids.includes(id))
}

async function answerFixed(desk: ChatDesk, message: StoredMessage, answer: FixedAnswer): Promise<void> {
  const day = desk.clock().toISOString().slice(0, 10)
  const id = ONCE_A_DAY.includes(answer) ? { id: `hint-${answer}-${message.conversation}-${day}` } : {}
  await reply(desk, message, { ...fixedAnswer(answer), ...id })
}
