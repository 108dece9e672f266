import { createHash, timingSafeEqual } from 'node:crypto'
import type { CallbackQuery, Message, Update } from 'grammy/types'
import type { ChatMessage, IdentityChange, MessageFile } from '../../domain/chat/message.ts'
import type { ChannelWebhook, Received } from '../../domain/ports/channel.ts'

const SECRET_HEADER = 'x-telegram-bot-api-secret-token'

/** The receiving side of Telegram. */
export function createTelegramWebhook(options: { readonly token: string; readonly secret: string }): ChannelWebhook {
  const { read } = createTelegramReader(options.token)
  const isGenuine: ChannelWebhook['hasProof'] = (headers) => isSame(headers.get(SECRET_HEADER) ?? '', options.secret)
  return {
    name: 'telegram',
    hasProof: isGenuine,
    isGenuine,
    read,
  }
}

/** Hashed first: a comparison must not tell the length either. */
function isSame(given: string, secret: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return secret !== '' && timingSafeEqual(digest(given), digest(secret))
}

/** Reads updates, however they came. Edits, reactions and everything that nobody said make no message. */
export function createTelegramReader(token: string): { read(update: unknown): Received } {
  const botId = Number(token.split(':')[0])
  return {
    read(value) {
      const update = value as Partial<Update> | null
      if (typeof update !== 'object' || update === null || !Number.isSafeInteger(update.update_id)) return NOTHING
      const { message, callback_query: press } = update
      const base = { channel: 'telegram' as const, id: String(update.update_id), place: Number(update.update_id) }
      const said = message ? ofMessage(message, botId) : press ? ofPress(press) : []
      const identities = message ? moveOf(message) : []
      return {
        messages: said.map((one) => ({ ...base, ...one })),
        reports: [],
        ...(identities.length > 0 && { identities }),
      }
    },
  }
}

const NOTHING: Received = { messages: [], reports: [] }

/** A group that becomes a supergroup has another id; both say so, and whichever is heard first counts. */
function moveOf({ chat, migrate_to_chat_id: next, migrate_from_chat_id: old }: Message): readonly IdentityChange[] {
  const [from, to] = old === undefined ? [chat?.id, next] : [old, chat?.id]
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to)) return []
  return [{ channel: 'telegram', from: [String(from)], to: { id: String(to) } }]
}

type Read = Omit<ChatMessage, 'channel' | 'id' | 'place'>

function ofMessage(message: Message, botId: number): readonly Read[] {
  const { chat, from } = message
  if (typeof chat?.id !== 'number' || typeof from?.id !== 'number' || from.is_bot || isNote(message)) return []
  const isGroup = chat.type !== 'private'
  const text = message.text ?? message.caption
  const file = fileOf(message)
  const { reply_to_message: replied } = message
  // In a group people speak to each other; the bot is meant by a command, a mention, or an answer to it.
  if (isGroup && replied?.from?.id !== botId && !isAddressed(message)) return []
  return [
    {
      ...placeOf(message),
      kind: text === undefined || text.trim() === '' ? 'wordless' : 'text',
      text: storable(text ?? ''),
      ...(file && { file }),
      sender: { id: String(from.id) },
      isGroup,
      messageId: String(message.message_id),
      // In a topic every message names the one that opened it.
      ...(replied?.from?.id === botId && { replyTo: String(replied.message_id) }),
    },
  ]
}

/** Kinds the gateway does not read. An animation comes as a document too. */
const UNREAD = ['animation', 'audio', 'voice', 'video', 'video_note', 'sticker'] as const

function fileOf(message: Message): MessageFile | undefined {
  const { document, photo } = message
  const unread = UNREAD.find((kind) => message[kind] !== undefined)
  if (unread !== undefined) return { name: `this ${unread.replace('_', ' ')}` }
  // The same picture in several sizes, the largest last.
  const largest = photo?.at(-1)
  if (largest) return { reference: largest.file_id, name: 'photo', ...sizeOf(largest.file_size) }
  if (!document) return undefined
  const { file_id: reference, file_name: name = 'document', mime_type: mediaType } = document
  return {
    reference,
    name: storable(name),
    ...(mediaType !== undefined && { mediaType }),
    ...sizeOf(document.file_size),
  }
}

const sizeOf = (size: number | undefined) => (size === undefined ? {} : { size })

function ofPress({ id, from, message, data }: CallbackQuery): readonly Read[] {
  if (data === undefined || !message || typeof from?.id !== 'number') return []
  return [
    {
      ...placeOf(message),
      kind: 'button',
      text: storable(data),
      sender: { id: String(from.id) },
      isGroup: message.chat.type !== 'private',
      replyTo: String(message.message_id),
      press: id,
    },
  ]
}

const placeOf = ({ chat, message_thread_id: thread, is_topic_message: isTopic }: Message) => ({
  chat: String(chat.id),
  ...(isTopic === true && thread !== undefined && { thread: String(thread) }),
})

/**
 * What a service notes in a chat on its own account. Everything else somebody said, kinds of tomorrow too: who sends what
 * the gateway cannot read is told so.
 */
const NOTES = [
  ...['new_chat_members', 'left_chat_member', 'new_chat_title', 'new_chat_photo', 'delete_chat_photo'],
  ...['group_chat_created', 'supergroup_chat_created', 'channel_chat_created', 'migrate_to_chat_id'],
  ...['migrate_from_chat_id', 'pinned_message', 'message_auto_delete_timer_changed', 'chat_owner_left'],
  ...['chat_owner_changed', 'community_chat_joined', 'community_chat_added', 'community_chat_removed'],
  ...['forum_topic_created', 'forum_topic_edited', 'forum_topic_closed', 'forum_topic_reopened'],
  ...['general_forum_topic_hidden', 'general_forum_topic_unhidden', 'video_chat_scheduled', 'video_chat_started'],
  ...['video_chat_ended', 'video_chat_participants_invited', 'chat_background_set', 'boost_added'],
  ...['proximity_alert_triggered', 'write_access_allowed', 'connected_website', 'web_app_data', 'passport_data'],
  ...['users_shared', 'chat_shared', 'successful_payment', 'refunded_payment', 'managed_bot_created'],
  ...['poll_option_added', 'poll_option_deleted', 'checklist_tasks_done', 'checklist_tasks_added'],
  ...['giveaway_created', 'giveaway_completed', 'gift', 'gift_upgrade_sent', 'unique_gift'],
  ...['paid_message_price_changed', 'direct_message_price_changed', 'suggested_post_approved'],
  ...['suggested_post_approval_failed', 'suggested_post_declined', 'suggested_post_paid', 'suggested_post_refunded'],
] as const satisfies readonly (keyof Message)[]

const isNote = (message: Message): boolean => NOTES.some((field) => message[field] !== undefined)

function isAddressed({ entities = [], caption_entities = [] }: Message): boolean {
  return [...entities, ...caption_entities].some(({ type }) => type === 'bot_command' || type === 'mention')
}

/** PostgreSQL holds neither NUL nor half a character. */
const storable = (text: string): string => text.replaceAll('\0', '').replaceAll(/\p{Surrogate}/gu, '�')
