import type { MessageEntity } from './entities.ts'
import type { InlineKeyboard } from './keyboard.ts'

export interface TelegramUser {
  readonly id: number
  readonly is_bot: boolean
  readonly first_name: string
  readonly last_name?: string
  readonly username?: string
  readonly language_code?: string
}

/** A chat as messages name it. */
export interface ChatFace {
  readonly id: number
  readonly type: 'private' | 'group' | 'supergroup'
  readonly title?: string
  readonly first_name?: string
  readonly username?: string
  readonly is_forum?: true
}

export interface TelegramDocument {
  readonly file_id: string
  readonly file_unique_id: string
  readonly file_name: string
  readonly mime_type?: string
  readonly file_size: number
}

/** One size of a photo. */
export interface TelegramPhotoSize {
  readonly file_id: string
  readonly file_unique_id: string
  readonly width: number
  readonly height: number
  readonly file_size: number
}

/** A message as the Bot API shows it. */
export interface TelegramMessage {
  readonly message_id: number
  readonly from: TelegramUser
  readonly chat: ChatFace
  /** Unix time in seconds. */
  readonly date: number
  readonly edit_date?: number
  readonly message_thread_id?: number
  readonly is_topic_message?: true
  readonly reply_to_message?: TelegramMessage
  readonly text?: string
  readonly entities?: readonly MessageEntity[]
  readonly caption?: string
  readonly caption_entities?: readonly MessageEntity[]
  readonly document?: TelegramDocument
  readonly photo?: readonly TelegramPhotoSize[]
  readonly voice?: Pick<TelegramDocument, 'file_id' | 'file_unique_id'> & { readonly duration: number }
  readonly reply_markup?: { readonly inline_keyboard: InlineKeyboard }
  readonly migrate_to_chat_id?: number
  readonly migrate_from_chat_id?: number
}

/** A message in a chat, with what happened to it. */
export interface StoredMessage {
  message: TelegramMessage
  edits: number
  deleted: boolean
  /** Emoji of the bot. */
  reactions: readonly string[]
  /** Data of every button it ever had: people press what they still see. */
  readonly buttons: Set<string>
}
