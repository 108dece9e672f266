import { ulid } from 'ulidx'
import type { ChatMessage } from '../../../domain/chat/message.ts'
import { plain } from '../../../domain/chat/styled-text.ts'
import type { Post } from '../../../domain/ports/outbox.ts'
import type { Store } from '../../../domain/ports/store.ts'

let place = 0

/** A message as a channel reads it; every call is another one. */
export function chatMessage(more: Partial<ChatMessage> = {}): ChatMessage {
  place++
  return {
    ...{ channel: 'telegram', chat: '1001', id: `m-${ulid()}`, place, kind: 'text', text: 'fix the login' },
    ...{ sender: { id: '1001' }, isGroup: false, messageId: String(place) },
    ...more,
  }
}

/** Stores messages; gives their conversation. */
export async function received(store: Store, ...messages: readonly ChatMessage[]): Promise<string> {
  const [message] = await store.chats.receive(messages)
  if (!message) throw new Error('none of the messages was new')
  return message.conversation
}

/** A message of the gateway to a conversation. */
export const messagePost = (conversation: string, more: Partial<Extract<Post, { type: 'message' }>> = {}): Post => ({
  ...{ type: 'message', id: `post-${ulid()}`, conversation, text: plain('hello'), buttons: [] },
  ...more,
})

/** As many messages to a conversation, each saying its number from 0. */
export const numbered = (conversation: string, count: number, more: { readonly taskId?: string } = {}) =>
  Array.from({ length: count }, (_, index) => messagePost(conversation, { text: plain(`${index}`), ...more }))
