import { createHash } from 'node:crypto'
import type { Callbacks } from './callbacks.ts'
import type { ShownMessage } from './conversation.ts'
import type { Throttle } from './limits.ts'
import type { Account, Network, Profile } from './network.ts'

/** Media and other things a person can send; `bytes` are made up when they do not matter. */
export type Sendable =
  | {
      readonly type: 'image' | 'audio' | 'video' | 'document' | 'sticker'
      readonly bytes?: Buffer
      readonly mimeType?: string
      readonly caption?: string
      readonly filename?: string
      /** A voice note. */
      readonly voice?: boolean
      /** Where the SHA-256 of other bytes is told: with the message, or with the address of the file. */
      readonly wrongDigest?: 'message' | 'address'
    }
  | { readonly type: 'location'; readonly latitude: number; readonly longitude: number; readonly name?: string }
  | { readonly type: 'contacts'; readonly contacts: readonly object[] }
  | { readonly type: 'unsupported' }

const MIME_TYPES = {
  image: 'image/jpeg',
  audio: 'audio/ogg; codecs=opus',
  video: 'video/mp4',
  document: 'application/pdf',
  sticker: 'image/webp',
} as const

interface Context {
  readonly from: string
  readonly id: string
}

/** Someone with WhatsApp on their phone. What they do reaches the business as webhooks; each gives the message's id. */
export class WhatsAppPerson {
  constructor(
    private readonly account: Account,
    private readonly parts: {
      readonly network: Network
      readonly callbacks: Callbacks
      readonly throttle: Throttle
      readonly businessPhone: string
    },
  ) {}

  get profile(): Profile {
    return this.account.profile
  }

  says(text: string): string {
    return this.send({ type: 'text', text, content: { text: { body: text } } })
  }

  /** Answers one message with another. */
  repliesTo(wamid: string, text: string): string {
    return this.send({ type: 'text', text, content: { text: { body: text } }, context: this.contextOf(wamid) })
  }

  sends(thing: Sendable): string {
    return this.send({ ...this.contentOf(thing), type: thing.type })
  }

  /** Presses a button, or picks a row of a list, of the newest message that has it (or of the one named). */
  presses(buttonId: string, of?: string): string {
    const { messages } = this.account.conversation
    const message = messages.findLast(
      ({ id, buttons }) => (of ?? id) === id && buttons.some((one) => one.id === buttonId),
    )
    const button = message?.buttons.find(({ id }) => id === buttonId)
    if (!message || !button) throw new Error(`${this.profile.name} sees no button ${JSON.stringify(buttonId)}.`)
    const kind = message.listTitle === undefined ? 'button_reply' : 'list_reply'
    const interactive = { type: kind, [kind]: button }
    return this.send({
      type: 'interactive',
      text: button.title,
      content: { interactive },
      context: this.contextOf(message.id),
    })
  }

  /** Reacts to a message; an empty emoji takes the reaction back. */
  reacts(wamid: string, emoji: string): string {
    const target = this.messageOf(wamid)
    target.reaction = emoji
    const reaction = { message_id: wamid, ...(emoji !== '' && { emoji }) }
    const id = this.parts.network.nextMessageId(this.profile.userId)
    this.reportInbound({ id, type: 'reaction', content: { reaction } })
    return id
  }

  /** Gets a new scoped id, with a new number when one is given; who hides the number has none to tell. */
  changesId(userId: string, phone?: string): void {
    const { callbacks, network } = this.parts
    const { userId: previous, phone: old, name } = this.profile
    const number = phone === undefined ? {} : { phone }
    this.account.profile = { ...this.profile, userId, ...number }
    const system = {
      body: `User ${name} changed`,
      type: phone === undefined ? 'user_changed_user_id' : 'user_changed_number',
      user_id: userId,
      previous_user_id: previous,
      ...(phone !== undefined && { wa_id: phone }),
    }
    const from = phone !== undefined && old !== undefined ? { from: old } : {}
    const id = network.nextMessageId(userId)
    callbacks.report({ messages: [{ ...from, id, timestamp: network.unixTime, type: 'system', system }] })
  }

  /** Nothing arrives here any more: messages fail with 131026. */
  leaves(): void {
    this.account.isUnreachable = true
  }

  private contentOf(thing: Sendable): { text: string; content: object } {
    switch (thing.type) {
      case 'location': {
        const { type, ...location } = thing
        return { text: location.name ?? type, content: { location } }
      }
      case 'contacts':
        return { text: 'contacts', content: { contacts: thing.contacts } }
      case 'unsupported':
        return {
          text: '',
          content: {
            errors: [
              {
                code: 131_051,
                title: 'Message type unknown',
                message: 'Message type unknown',
                error_data: { details: 'Message type is currently not supported.' },
              },
            ],
          },
        }
      case 'image':
      case 'audio':
      case 'video':
      case 'document':
      case 'sticker': {
        const { type, bytes = Buffer.from(type), mimeType = MIME_TYPES[type], caption, filename, voice } = thing
        const digest = (where: typeof thing.wrongDigest) =>
          createHash('sha256').update(thing.wrongDigest === where ? `not ${type}` : bytes)
        const { id } = this.parts.network.keep({ type: mimeType, bytes, sha256: digest('address').digest('hex') })
        const sha256 = digest('message').digest('base64')
        const given = {
          ...(caption !== undefined && { caption }),
          ...(filename !== undefined && { filename }),
          ...(type === 'audio' && { voice: voice ?? false }),
        }
        return { text: caption ?? '', content: { [type]: { mime_type: mimeType, sha256, id, ...given } } }
      }
    }
  }

  private send(sent: { type: string; text: string; content: object; context?: Context }): string {
    const { type, text, content, context } = sent
    const { network } = this.parts
    const id = network.nextMessageId(this.profile.userId)
    const repliesTo = context && { repliesTo: context.id }
    this.account.conversation.add({ id, from: 'user', type, text, buttons: [], ...repliesTo })
    this.reportInbound({ id, type, content: { ...content, ...(context && { context }) } })
    return id
  }

  private reportInbound({ id, type, content }: { id: string; type: string; content: object }): void {
    const { network, callbacks, throttle } = this.parts
    this.account.conversation.lastInboundAt = network.now()
    throttle.countInbound()
    const { phone, userId, name, username } = this.profile
    const contact = {
      profile: { name, ...(username !== undefined && { username }) },
      ...(phone !== undefined && { wa_id: phone }),
      user_id: userId,
    }
    const message = {
      ...(phone !== undefined && { from: phone }),
      from_user_id: userId,
      id,
      timestamp: network.unixTime,
      type,
      ...content,
    }
    callbacks.report({ contacts: [contact], messages: [message] })
  }

  private contextOf(wamid: string): Context {
    const { from } = this.messageOf(wamid)
    const { phone, userId } = this.profile
    return { from: from === 'business' ? this.parts.businessPhone : (phone ?? userId), id: wamid }
  }

  private messageOf(wamid: string): ShownMessage {
    const message = this.account.conversation.find(wamid)
    if (!message) throw new Error(`${this.profile.name} sees no message ${wamid}.`)
    return message
  }
}
