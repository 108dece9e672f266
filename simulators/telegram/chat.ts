import type { ChatFace, StoredMessage, TelegramMessage } from './messages.ts'
import { badRequest, forbidden, migrated } from './refusal.ts'

/** One chat: its messages, its topics, and what the bot may do in it. */
export class Chat {
  readonly messages = new Map<number, StoredMessage>()
  readonly topics = new Set<number>()
  /** What the bot is shown doing, each call in order. */
  readonly actions: string[] = []
  /** Previews of messages to come, by their id. */
  readonly drafts = new Map<number, { readonly text: string; readonly at: number }>()
  /** The person of a private chat blocked the bot, or the group threw it out. */
  botIsOut = false
  migratedTo: number | undefined
  private lastId = 0

  constructor(readonly face: ChatFace) {}

  /** Throws the service's refusal when the bot may not write here. */
  checkWrite(): void {
    if (this.migratedTo !== undefined) throw migrated(this.migratedTo)
    if (!this.botIsOut) return
    throw forbidden(
      this.face.type === 'private' ? 'bot was blocked by the user' : `bot was kicked from the ${this.face.type} chat`,
    )
  }

  /** Adds a message; ids count up in each chat for itself. */
  add(content: Omit<TelegramMessage, 'message_id' | 'chat'>): StoredMessage {
    this.lastId++
    const message: TelegramMessage = { message_id: this.lastId, chat: this.face, ...content }
    const stored = { message, edits: 0, deleted: false, reactions: [], buttons: new Set(dataOf(message)) }
    this.messages.set(this.lastId, stored)
    return stored
  }

  /** Changes a message in place. */
  change(stored: StoredMessage, message: TelegramMessage): void {
    stored.message = message
    stored.edits++
    for (const data of dataOf(message)) stored.buttons.add(data)
  }

  /** A message that is still there; `whenMissing` is the service's refusal. */
  find(id: number, whenMissing: string): StoredMessage {
    const stored = this.messages.get(id)
    if (!stored || stored.deleted) throw badRequest(whenMissing)
    return stored
  }

  /** The topic a message goes to, undefined for the chat itself. */
  topic(id: number): number | undefined {
    if (id === 0) return undefined
    if (!this.topics.has(id)) throw badRequest('Message thread not found')
    return id
  }
}

const dataOf = ({ reply_markup }: TelegramMessage): string[] =>
  (reply_markup?.inline_keyboard ?? []).flat().flatMap(({ callback_data }) => callback_data ?? [])
