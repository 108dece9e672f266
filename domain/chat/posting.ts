import type { ChannelTraits } from '../ports/channel.ts'
import type { Post } from '../ports/outbox.ts'
import type { Draft } from './task-card.ts'
import { chunksOf, shortened } from './styled-text.ts'

export type MessagePost = Extract<Post, { type: 'message' }>
/** A line on a phone. */
const MAX_ABOUT = 60

type Envelope = Omit<MessagePost, 'type' | 'text' | 'buttons'>

/** A draft as messages in the measure of a channel: the first has the given id, buttons stand under the last. */
export function messagesOf(draft: Draft, envelope: Envelope, traits: ChannelTraits): readonly MessagePost[] {
  const buttons = draft.buttons.slice(0, traits.maxButtons)
  const limit = buttons.length > 0 ? traits.maxTextWithButtons : traits.maxText
  const chunks = chunksOf(draft.text, { limit, spanCost: traits.spanCost })
  return chunks.map((text, index) => ({
    ...envelope,
    type: 'message',
    id: index === 0 ? envelope.id : `${envelope.id}.${index + 1}`,
    // One sound, however long the text is.
    ...(index > 0 && { silent: true }),
    text,
    buttons: index === chunks.length - 1 ? buttons : [],
  }))
}

/** Asks for a word of the person, for whom a message waits: once after each last word. */
export function invitationOf({ conversation, taskId, text }: MessagePost, lastWord: number): Post {
  const [line = ''] = text.text.split('\n')
  return {
    type: 'invitation',
    id: `invitation-${conversation}-${lastWord}`,
    conversation,
    ...(taskId !== undefined && { taskId }),
    about: shortened(line, MAX_ABOUT),
  }
}

/** A draft in place of a message that was sent; what one message cannot hold is left out. */
export function editOf(
  draft: Draft,
  { of, conversation }: { readonly of: string; readonly conversation: string },
  traits: ChannelTraits,
): Post {
  const [text = draft.text] = chunksOf(draft.text, { limit: traits.maxTextWithButtons, spanCost: traits.spanCost })
  return { type: 'edit', id: `${of}/edit`, of, conversation, text, buttons: draft.buttons.slice(0, traits.maxButtons) }
}
