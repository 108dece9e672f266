import type { ChannelTraits } from '../ports/channel.ts'
import type { Post } from '../ports/outbox.ts'
import type { Draft } from './task-card.ts'
import { chunksOf, joined, plain, shortened, type StyledText } from './styled-text.ts'

export type MessagePost = Extract<Post, { type: 'message' }>
/** A line on a phone. */
const MAX_ABOUT = 60

type Envelope = Omit<MessagePost, 'type' | 'text' | 'buttons'>

/** How many messages a draft may become, and what the last of them ends with when it needs more. */
export interface Bound {
  readonly most: number
  readonly rest: StyledText
}

/** A draft as messages in the measure of a channel: the first has the given id, buttons stand under the last. */
export function messagesOf(
  draft: Draft,
  envelope: Envelope,
  { traits, bound }: { readonly traits: ChannelTraits; readonly bound?: Bound | undefined },
): readonly MessagePost[] {
  const buttons = draft.buttons.slice(0, traits.maxButtons)
  const measure = {
    limit: buttons.length > 0 ? traits.maxTextWithButtons : traits.maxText,
    spanCost: traits.spanCost,
  }
  const whole = chunksOf(draft.text, measure)
  const chunks = bound && whole.length > bound.most ? cutShort(whole, bound, measure) : whole
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

const GAP = '\n\n'

/** As many pieces as there may be; the last makes room for where the rest is. */
function cutShort(
  chunks: readonly StyledText[],
  { most, rest }: Bound,
  measure: Parameters<typeof chunksOf>[1],
): readonly StyledText[] {
  const [last = plain('')] = chunks.slice(most - 1)
  const limit = measure.limit - GAP.length - rest.text.length
  const [begin = plain('')] = chunksOf(last, { ...measure, limit })
  return [...chunks.slice(0, most - 1), joined([begin, rest], GAP)]
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
