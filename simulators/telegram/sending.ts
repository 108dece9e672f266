import type { CallArguments } from './arguments.ts'
import type { Chat } from './chat.ts'
import type { Desk, Method } from './desk.ts'
import { formatText, type FormattedText } from './formatted-text.ts'
import { readKeyboard } from './keyboard.ts'
import type { TelegramMessage } from './messages.ts'
import { badRequest } from './refusal.ts'

const MAX_TEXT = 4_096
const MAX_CAPTION = 1_024
const MAX_DRAFT_ID = 2_147_483_647

/** Parameters that change nothing a person reads here. */
const ACCEPTED = [
  'business_connection_id',
  'direct_messages_topic_id',
  'link_preview_options',
  'disable_web_page_preview',
  'disable_notification',
  'protect_content',
  'allow_paid_broadcast',
  'message_effect_id',
  'suggested_post_parameters',
  'thumbnail',
  'disable_content_type_detection',
]

/** The text of a call with its length checked after parsing. */
export function textOf(call: CallArguments): FormattedText {
  const text = call.text('text')
  if (text === '') throw badRequest('Message text is empty')
  const formatted = formatText({
    text,
    parseMode: call.text('parse_mode'),
    entities: call.looseJson('entities'),
  })
  if (formatted.text === '') throw badRequest('text must be non-empty')
  if (formatted.text.length > MAX_TEXT) throw badRequest('message is too long')
  return formatted
}

/** The keyboard of a call in the form messages carry it. */
export function markupOf(call: CallArguments): Pick<TelegramMessage, 'reply_markup'> {
  const keyboard = readKeyboard(call.json('reply_markup', 'reply keyboard markup'))
  return keyboard ? { reply_markup: { inline_keyboard: keyboard } } : {}
}

/** Text and entities under the names of a message. */
export const written = ({ text, entities }: FormattedText): Pick<TelegramMessage, 'text' | 'entities'> => ({
  text,
  ...(entities.length > 0 && { entities }),
})

function replyOf(call: CallArguments, chat: Chat): Pick<TelegramMessage, 'reply_to_message'> {
  const parameters = call.json('reply_parameters', 'reply parameters')
  call.accept('reply_to_message_id', 'allow_sending_without_reply')
  const old = call.messageId('reply_to_message_id')
  if (parameters === undefined && old === 0) return {}
  if (parameters !== undefined && (typeof parameters !== 'object' || parameters === null || Array.isArray(parameters)))
    throw badRequest('Object expected as reply parameters')
  const { message_id: id = old, allow_sending_without_reply: mayMiss = call.flag('allow_sending_without_reply') } =
    (parameters ?? {}) as { message_id?: unknown; allow_sending_without_reply?: unknown }
  if (!Number.isInteger(id) || id === 0) throw badRequest(`Can't find field "message_id"`)
  const stored = chat.messages.get(id as number)
  if (stored && !stored.deleted) {
    const { reply_to_message: _, ...message } = stored.message
    return { reply_to_message: message }
  }
  if (mayMiss === true) return {}
  throw badRequest('message to be replied not found')
}

/** Puts a message of the bot into a chat, in the service's order of checks. */
function send({ world, limits }: Desk, call: CallArguments, content: Partial<TelegramMessage>): TelegramMessage {
  call.accept(...ACCEPTED)
  const markup = markupOf(call)
  const chat = world.chatOf(call)
  chat.checkWrite()
  const topic = chat.topic(call.integer('message_thread_id'))
  const reply = replyOf(call, chat)
  limits?.count(chat.face)
  const stored = chat.add({
    from: world.bot,
    date: world.unixTime,
    ...(topic !== undefined && { message_thread_id: topic, is_topic_message: true }),
    ...reply,
    ...content,
    ...markup,
  })
  world.sentByBot.push(stored)
  world.onSent?.(stored)
  chat.drafts.clear()
  return stored.message
}

export const sendMessage: Method = (desk, call) => send(desk, call, written(textOf(call)))

export const sendDocument: Method = (desk, call) => {
  const caption = formatText({
    text: call.text('caption'),
    parseMode: call.text('parse_mode'),
    entities: call.looseJson('caption_entities'),
  })
  if (caption.text.length > MAX_CAPTION) throw badRequest('message caption is too long')
  const captioned = {
    ...(caption.text !== '' && { caption: caption.text }),
    ...(caption.entities.length > 0 && { caption_entities: caption.entities }),
  }
  const file = call.file('document')
  if (!file) {
    const id = call.text('document')
    if (id === '') throw badRequest('there is no document in the request')
    const known = desk.world.files.get(id)
    if (!known) throw badRequest('wrong file identifier/HTTP URL specified')
    return send(desk, call, { document: known.document, ...captioned })
  }
  if (file.bytes.length === 0) throw badRequest('file must be non-empty')
  desk.world.chatOf(call).checkWrite()
  return send(desk, call, { document: desk.world.keep(file), ...captioned })
}

/** A preview that vanishes after half a minute or with the next message; only in private chats. */
export const sendMessageDraft: Method = ({ world }, call) => {
  const chat = world.chatOf(call)
  if (chat.face.type !== 'private') throw badRequest('TEXTDRAFT_PEER_INVALID')
  chat.checkWrite()
  chat.topic(call.integer('message_thread_id'))
  const id = call.integer('draft_id')
  if (id === 0 || Math.abs(id) > MAX_DRAFT_ID) throw badRequest('RANDOM_ID_INVALID')
  chat.drafts.set(id, { text: textOf(call).text, at: world.now() })
  return true
}
