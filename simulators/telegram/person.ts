import { randomInt } from 'node:crypto'
import type { Chat } from './chat.ts'
import { findEntities } from './entities.ts'
import type { TelegramMessage, TelegramUser } from './messages.ts'
import type { UpdateQueue } from './updates.ts'
import type { World } from './world.ts'

/** Where a person writes: a group's id, a topic, a message that is answered. */
export interface Place {
  /** The private chat with the bot without it. */
  readonly chat?: number
  readonly thread?: number
  readonly replyTo?: number
}

/** A file a person sends. */
export interface SentFile {
  readonly name: string
  readonly bytes: Buffer
  readonly type?: string
  readonly caption?: string
}

/** Someone who uses the bot. What they do reaches it as updates, by webhook or `getUpdates`. */
export class TelegramPerson {
  constructor(
    readonly profile: TelegramUser,
    private readonly parts: {
      readonly world: World
      readonly queue: UpdateQueue
      /** Whether the bot gets only what is meant for it in groups. */
      readonly privacy: boolean
    },
  ) {}

  get id(): number {
    return this.profile.id
  }

  says(text: string, place: Place = {}): TelegramMessage {
    const entities = findEntities(text)
    return this.send({ text, ...(entities.length > 0 && { entities }) }, place)
  }

  sendsFile(file: SentFile, place: Place = {}): TelegramMessage {
    const { name, bytes, type = 'application/octet-stream', caption } = file
    const document = this.parts.world.keep({ name, bytes, type })
    return this.send({ document, ...(caption !== undefined && { caption }) }, place)
  }

  /** Sends a picture; bots are told of a small and a large size of it, the largest last. */
  sendsPhoto(bytes: Buffer, { caption, ...place }: Place & { readonly caption?: string } = {}): TelegramMessage {
    const size = (width: number, content: Buffer) => {
      const { file_id, file_unique_id, file_size } = this.parts.world.keep({
        name: 'file.jpg',
        bytes: content,
        type: '',
      })
      return { file_id, file_unique_id, width, height: width, file_size }
    }
    const photo = [size(90, Buffer.from('thumbnail')), size(1_280, bytes)]
    return this.send({ photo, ...(caption !== undefined && { caption }) }, place)
  }

  sendsVoice(place: Place = {}): TelegramMessage {
    const { file_id, file_unique_id } = this.parts.world.keep({
      name: 'voice.oga',
      bytes: Buffer.from('OggS'),
      type: '',
    })
    return this.send({ voice: { file_id, file_unique_id, duration: 2 } }, place)
  }

  /** Sends something else, by the field it stands in: `{ dice: { emoji: '🎲', value: 6 } }`. */
  sends(content: Readonly<Record<string, object>>, place: Place = {}): TelegramMessage {
    return this.send(content, place)
  }

  /** Changes an own message. */
  edits(messageId: number, text: string, place: Pick<Place, 'chat'> = {}): TelegramMessage {
    const chat = this.chat(place)
    const stored = chat.find(messageId, `${this.profile.first_name} has no message ${messageId} to edit`)
    if (stored.message.from.id !== this.id)
      throw new Error(`Message ${messageId} is not by ${this.profile.first_name}.`)
    const { entities: _, ...rest } = stored.message
    const entities = findEntities(text)
    const { unixTime } = this.parts.world
    chat.change(stored, { ...rest, text, ...(entities.length > 0 && { entities }), edit_date: unixTime })
    if (this.isForBot(chat, stored.message)) this.parts.queue.add('edited_message', stored.message)
    return stored.message
  }

  /** Presses a button, also one that an edit took away a moment ago; gives the id of the callback query. */
  presses(messageId: number, callbackData: string, place: Pick<Place, 'chat'> = {}): string {
    const { world, queue } = this.parts
    const chat = this.chat(place)
    const stored = chat.messages.get(messageId)
    if (!stored?.buttons.has(callbackData))
      throw new Error(`Message ${messageId} never had a button with the data ${JSON.stringify(callbackData)}.`)
    const id = `${this.id}${randomInt(1e9).toString().padStart(9, '0')}`
    world.callbacks.set(id, { askedAt: world.now() })
    const message = stored.deleted ? { chat: chat.face, message_id: messageId, date: 0 } : stored.message
    queue.add('callback_query', {
      id,
      from: this.profile,
      message,
      chat_instance: String(chat.face.id),
      data: callbackData,
    })
    return id
  }

  reacts(messageId: number, emoji: string, place: Pick<Place, 'chat'> = {}): void {
    const { queue, world } = this.parts
    queue.add('message_reaction', {
      chat: this.chat(place).face,
      message_id: messageId,
      user: this.profile,
      date: world.unixTime,
      old_reaction: [],
      new_reaction: [{ type: 'emoji', emoji }],
    })
  }

  /** From now on the bot gets 403 for everything it sends here. */
  blocks(): void {
    this.changeMembership('kicked')
  }

  unblocks(): void {
    this.changeMembership('member')
  }

  private changeMembership(status: 'kicked' | 'member'): void {
    const { world, queue } = this.parts
    const chat = this.chat({})
    const before = chat.botIsOut ? 'kicked' : 'member'
    chat.botIsOut = status === 'kicked'
    const member = (name: string) => ({ status: name, user: world.bot, ...(name === 'kicked' && { until_date: 0 }) })
    queue.add('my_chat_member', {
      chat: chat.face,
      from: this.profile,
      date: world.unixTime,
      old_chat_member: member(before),
      new_chat_member: member(status),
    })
  }

  private send(content: Partial<TelegramMessage>, place: Place): TelegramMessage {
    const { world, queue } = this.parts
    const chat = this.chat(place)
    if (chat.migratedTo !== undefined) throw new Error(`The group went on as ${chat.migratedTo}: write there.`)
    if (chat.face.type === 'private' && chat.botIsOut) this.unblocks()
    const replied = place.replyTo === undefined ? undefined : chat.messages.get(place.replyTo)?.message
    if (place.replyTo !== undefined && !replied) throw new Error(`There is no message ${place.replyTo} to answer.`)
    if (place.thread !== undefined && !chat.topics.has(place.thread))
      throw new Error(`There is no topic ${place.thread}.`)
    const { message } = chat.add({
      from: this.profile,
      date: world.unixTime,
      ...(place.thread !== undefined && { message_thread_id: place.thread, is_topic_message: true }),
      ...(replied && { reply_to_message: replied }),
      ...content,
    })
    if (this.isForBot(chat, message)) queue.add('message', message)
    return message
  }

  private chat({ chat }: Pick<Place, 'chat'>): Chat {
    const { world } = this.parts
    if (chat === undefined || chat === this.id) return world.open(privateFace(this.profile))
    const group = world.chats.get(chat)
    if (!group || group.face.type === 'private') throw new Error(`There is no group ${chat}.`)
    return group
  }

  /** With privacy, a bot in a group hears commands that may be its own, and answers to its messages. */
  private isForBot(chat: Chat, message: TelegramMessage): boolean {
    if (chat.face.type === 'private') return true
    if (chat.botIsOut) return false
    if (!this.parts.privacy || message.reply_to_message?.from.id === this.parts.world.bot.id) return true
    const { text = message.caption ?? '', entities = [] } = message
    return entities.some(({ type, offset, length }) => {
      const [, addressee] = text.slice(offset, offset + length).split('@')
      const { username } = this.parts.world.bot
      return type === 'bot_command' && (addressee === undefined || addressee === username)
    })
  }
}

const privateFace = ({ id, first_name, username }: TelegramUser) =>
  ({ id, type: 'private', first_name, ...(username !== undefined && { username }) }) as const
