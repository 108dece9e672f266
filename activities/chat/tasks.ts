import { fixedAnswer, textAnswer, whichRepository } from '../../domain/chat/answers.ts'
import { readCommand } from '../../domain/chat/command.ts'
import { chooseRepository, type RepositoryChoice } from '../../domain/chat/repository.ts'
import { GatewayError } from '../../domain/errors.ts'
import { mostAsked } from '../../domain/chat/report.ts'
import type { Draft } from '../../domain/chat/task-card.ts'
import { checkAllowed, checkMayChange, type Caller } from '../../domain/permissions.ts'
import type { StoredMessage } from '../../domain/ports/chat-store.ts'
import { reply, type ChatDesk, type ChatRepository, type Request } from './desk.ts'
import { takeFile } from './take-file.ts'

interface Said {
  /** The message whose words count. */
  readonly message: number
}

const MESSAGE_GONE = 'I do not have that message any more. Send it again.'

/** Makes a message a task, once; asks for the repository when several could be meant. */
export async function beginTask(
  desk: ChatDesk,
  { message, caller }: Request,
  said: Said & { readonly repository?: string },
): Promise<void> {
  checkAllowed(caller, 'task:submit')
  const origin = await originOf(desk, message, said)
  if (!origin) return reply(desk, message, textAnswer(MESSAGE_GONE))
  const prompt = wordsOf(origin)
  if (prompt === '') return reply(desk, message, fixedAnswer('file-alone'))
  const choice = await repositoryFor(desk, { origin, caller, chosen: said.repository })
  if (choice.type === 'ask') return reply(desk, message, whichRepository(origin.number, choice.names))
  const { attachment, hint } = await takeFile(desk, { message, origin })
  const { channel, conversation } = origin
  const task = await desk.intake.accept({
    ...{ channel, tenant: caller.tenant, requester: caller.subject, conversation },
    // The message is the request, whatever button it was that made a task of it.
    ...{ key: `message:${origin.id}`, body: { text: origin.text } },
    request: () => ({
      prompt,
      ...(choice.type === 'chosen' && { repository: { url: choice.name } }),
      ...(attachment !== undefined && { attachments: [attachment] }),
    }),
    ...(hint && rings(desk, message) && { aside: hint.text }),
  })
  if (hint && !rings(desk, message)) await reply(desk, message, { ...hint, taskId: task.id, silent: true })
}

/** Whether every message makes a sound: then hints count among those of their task. */
const rings = ({ channels }: ChatDesk, { channel }: StoredMessage): boolean =>
  channels.get(channel)?.traits.silence === false

/** Says why the file of a running task was left out. Where that rings it takes a question's place, but not the last one's. */
async function sayLeftOut(
  desk: ChatDesk,
  message: StoredMessage,
  { taskId, text, buttons }: Draft & { taskId: string },
) {
  const traits = desk.channels.get(message.channel)?.traits
  if (!traits || traits.silence) return reply(desk, message, { text, buttons, taskId, silent: true })
  const { channel: target, conversation } = message
  const aside = { id: `${taskId}/hint-${message.number}`, taskId, conversation, text }
  await desk.store.followers.tell({ aside, target, most: mostAsked(traits) - 1 })
}

/** Answers a task's question or steers it. When it takes no text any more, the text is the next task. */
export async function tell(desk: ChatDesk, request: Request, said: Said & { readonly taskId: string }): Promise<void> {
  const { message, caller } = request
  const origin = await originOf(desk, message, said)
  if (!origin) return reply(desk, message, textAnswer(MESSAGE_GONE))
  const task = await desk.store.tasks.find(said.taskId, caller.tenant)
  if (!task) return reply(desk, message, fixedAnswer('no-task'))
  checkMayChange(caller, 'task:control', task)
  const { id: taskId } = task
  const { attachment, hint } = await takeFile(desk, { message, origin, taskId })
  const requestId = `message-${origin.number}`
  const text = wordsOf(origin) || (attachment === undefined ? '' : 'See the attached file.')
  try {
    if (text !== '')
      await desk.control.say({
        ...{ taskId, text, from: caller.subject, requestId },
        ...(attachment !== undefined && { attachment }),
      })
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'conflict') throw error
    // The task took it before this step was repeated, and has ended since: then it is no next task as well.
    if (!(await desk.control.taken({ taskId, requestId }))) return beginTask(desk, request, { message: origin.number })
  }
  if (hint) await sayLeftOut(desk, message, { ...hint, taskId })
}

/** The words without the command they came with. */
function wordsOf({ text }: StoredMessage): string {
  const command = readCommand(text)
  return command?.name === 'new' ? command.rest : text
}

/** An earlier message only of the same conversation: a number can be typed. */
async function originOf({ store }: ChatDesk, message: StoredMessage, { message: number }: Said) {
  if (number === message.number) return message
  const origin = await store.chats.message(number)
  const isSaid = origin?.kind === 'text' || origin?.file !== undefined
  return isSaid && origin.conversation === message.conversation ? origin : undefined
}

/** Repositories the caller's tenant may use. */
export const repositoriesOf = ({ repositories }: ChatDesk, { tenant }: Caller): readonly ChatRepository[] =>
  repositories.filter(({ tenants }) => tenants === undefined || tenants.includes(tenant))

async function repositoryFor(
  desk: ChatDesk,
  { origin, caller, chosen }: { origin: StoredMessage; caller: Caller; chosen: string | undefined },
): Promise<RepositoryChoice> {
  if (chosen !== undefined) return { type: 'chosen', name: chosen }
  const { repository } = await desk.store.chats.conversation(origin.conversation)
  return chooseRepository(origin.text, { known: repositoriesOf(desk, caller), usual: repository })
}
