import type { Chat } from './chat.ts'
import type { TelegramUser } from './messages.ts'
import type { UpdateQueue } from './updates.ts'
import type { World } from './world.ts'

/** A group the bot is in. */
export class TelegramGroup {
  private chat: Chat

  constructor(
    chat: Chat,
    private readonly parts: { readonly world: World; readonly queue: UpdateQueue; readonly owner: TelegramUser },
  ) {
    this.chat = chat
  }

  /** Where messages go now: it changes when the group migrates. */
  get id(): number {
    return this.chat.face.id
  }

  /** Opens a topic of a forum and gives its id. */
  topic(): number {
    if (!this.chat.face.is_forum) throw new Error('Only forums have topics: open the group with `forum: true`.')
    const { message } = this.chat.add({ from: this.parts.owner, date: this.parts.world.unixTime })
    this.chat.topics.add(message.message_id)
    return message.message_id
  }

  deletesTopic(id: number): void {
    this.chat.topics.delete(id)
  }

  /** Becomes a supergroup with another id; calls with the old one are refused and told the new one. */
  migrates(): number {
    const { world, queue, owner } = this.parts
    const old = this.chat
    if (old.face.type !== 'group') throw new Error('Only basic groups migrate.')
    const id = world.nextGroupId('supergroup')
    const next = world.open({ ...old.face, id, type: 'supergroup' })
    old.migratedTo = id
    const told = { from: owner, date: world.unixTime }
    queue.add('message', old.add({ ...told, migrate_to_chat_id: id }).message)
    queue.add('message', next.add({ ...told, migrate_from_chat_id: old.face.id }).message)
    this.chat = next
    return id
  }

  /** From now on the bot gets 403 here. */
  throwsBotOut(): void {
    const { world, queue, owner } = this.parts
    this.chat.botIsOut = true
    queue.add('my_chat_member', {
      chat: this.chat.face,
      from: owner,
      date: world.unixTime,
      old_chat_member: { status: 'member', user: world.bot },
      new_chat_member: { status: 'kicked', user: world.bot, until_date: 0 },
    })
  }
}
