import type { ChatAccess } from '../../domain/chat/access.ts'
import { withFileLeft } from '../../domain/chat/answers.ts'
import { readCommand } from '../../domain/chat/command.ts'
import { messagesOf } from '../../domain/chat/posting.ts'
import type { NamedRepository } from '../../domain/chat/repository.ts'
import type { Draft } from '../../domain/chat/task-card.ts'
import type { ChannelName } from '../../domain/chat/message.ts'
import type { Caller } from '../../domain/permissions.ts'
import type { Channel } from '../../domain/ports/channel.ts'
import type { StoredMessage } from '../../domain/ports/chat-store.ts'
import type { Store } from '../../domain/ports/store.ts'
import type { TaskControl, TaskIntake } from '../../domain/ports/task-control.ts'

/** A repository the operator vouches for, as far as chats need it. */
export interface ChatRepository extends NamedRepository {
  readonly tenants?: readonly string[] | undefined
}

/** Everything a conversation is carried out with. */
export interface ChatDesk {
  readonly store: Store
  readonly control: TaskControl
  readonly intake: TaskIntake
  readonly channels: ReadonlyMap<ChannelName, Channel>
  readonly access: ChatAccess
  readonly repositories: readonly ChatRepository[]
  /** Where people look at a task. */
  readonly linkOf: (taskId: string) => string
  readonly clock: () => Date
}

/** A message that is being carried out, and whom its sender acts for. */
export interface Request {
  readonly message: StoredMessage
  readonly caller: Caller
}

/** Answers a message once, however often it is carried out. */
export async function reply(
  desk: ChatDesk,
  message: StoredMessage,
  answer: Draft & { readonly id?: string; readonly taskId?: string | undefined; readonly silent?: boolean },
): Promise<void> {
  const channel = desk.channels.get(message.channel)
  if (!channel) return
  const envelope = {
    id: answer.id ?? `reply-${message.number}`,
    conversation: message.conversation,
    // Alone with somebody, every message is an answer.
    ...(message.isGroup && message.messageId !== undefined && { replyTo: message.messageId }),
    ...(answer.taskId !== undefined && { taskId: answer.taskId }),
    ...(answer.silent === true && { silent: true }),
  }
  const whole = leavesFile(message) ? withFileLeft(answer) : answer
  await desk.store.outbox.post(messagesOf(whole, envelope, { traits: channel.traits }))
}

/** Only the words of a new task take a file along; no other command does. */
function leavesFile({ file, text }: StoredMessage): boolean {
  const command = file && readCommand(text)
  return command !== undefined && (command.name !== 'new' || command.rest === '')
}
