import { isDeepStrictEqual } from 'node:util'
import type { CallArguments } from './arguments.ts'
import type { Chat } from './chat.ts'
import type { Desk, Method } from './desk.ts'
import type { StoredMessage, TelegramMessage } from './messages.ts'
import { badRequest } from './refusal.ts'
import { markupOf, textOf, written } from './sending.ts'

const DELETABLE_S = 48 * 3_600
const ACTIONS =
  'typing upload_photo record_video upload_video record_voice upload_voice upload_document choose_sticker find_location record_video_note upload_video_note'.split(
    ' ',
  )

const NOT_MODIFIED =
  'message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message'

function messageOf({ world }: Desk, call: CallArguments, whenMissing: string): { chat: Chat; stored: StoredMessage } {
  call.accept('business_connection_id', 'inline_message_id')
  const chat = world.chatOf(call)
  chat.checkWrite()
  return { chat, stored: chat.find(call.messageId(), whenMissing) }
}

function edit(desk: Desk, call: CallArguments, content: Partial<TelegramMessage>): TelegramMessage {
  call.accept('link_preview_options', 'disable_web_page_preview')
  const markup = markupOf(call)
  if (call.text('chat_id') === '' && call.messageId() === 0) throw badRequest('message identifier is not specified')
  const { chat, stored } = messageOf(desk, call, 'message to edit not found')
  const { message } = stored
  if (message.from.id !== desk.world.bot.id) throw badRequest(`message can't be edited`)
  if (content.text !== undefined && message.text === undefined)
    throw badRequest('there is no text in the message to edit')
  const { reply_markup: shown, entities, edit_date: _, ...rest } = message
  const entitiesAfter = content.text === undefined ? entities : content.entities
  const next = { ...rest, ...content, ...(entitiesAfter && { entities: entitiesAfter }), ...markup }
  const before = { ...rest, ...(entities && { entities }), ...(shown && { reply_markup: shown }) }
  if (isDeepStrictEqual(next, before)) throw badRequest(NOT_MODIFIED)
  chat.change(stored, { ...next, edit_date: desk.world.unixTime })
  return stored.message
}

export const editMessageText: Method = (desk, call) => edit(desk, call, written(textOf(call)))

export const editMessageReplyMarkup: Method = (desk, call) => edit(desk, call, {})

export const deleteMessage: Method = (desk, call) => {
  if (call.text('chat_id') === '') throw badRequest('Chat identifier is not specified')
  if (call.messageId() === 0) throw badRequest('Message identifier is not specified')
  const { stored } = messageOf(desk, call, 'message to delete not found')
  const isOld = desk.world.unixTime - stored.message.date > DELETABLE_S
  if (isOld) throw badRequest(`message can't be deleted for everyone`)
  stored.deleted = true
  return true
}

export const setMessageReaction: Method = (desk, call) => {
  call.accept('is_big')
  const { stored } = messageOf(desk, call, 'message to react not found')
  const reaction = call.json('reaction', 'reaction types') ?? []
  if (!Array.isArray(reaction)) throw badRequest('Expected an Array of ReactionType')
  const emoji = reaction.map((one: unknown) => {
    const { type, emoji } = (one ?? {}) as { type?: unknown; emoji?: unknown }
    if (type === undefined) throw badRequest(`Can't parse ReactionType: Can't find field "type"`)
    if (type !== 'emoji' || typeof emoji !== 'string')
      throw badRequest(`Can't parse ReactionType: invalid reaction type specified`)
    if (!REACTIONS.has(emoji)) throw badRequest('REACTION_INVALID')
    return emoji
  })
  if (emoji.length > 1) throw badRequest('REACTIONS_TOO_MANY')
  stored.reactions = emoji
  return true
}

/** Emoji the service lets one react with. */
const REACTIONS = new Set(
  '❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡'.split(
    ' ',
  ),
)

export const sendChatAction: Method = ({ world }, call) => {
  call.accept('business_connection_id')
  const chat = world.chatOf(call)
  chat.checkWrite()
  const action = call.text('action')
  if (!ACTIONS.includes(action)) throw badRequest('Wrong parameter action in request')
  chat.topic(call.integer('message_thread_id'))
  chat.actions.push(action)
  return true
}
