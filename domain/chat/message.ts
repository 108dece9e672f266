/** Where people write to the gateway: `telegram`, `whatsapp` … It stands in addresses, and never changes. */
export type ChannelName = string

/** Where a message was said: a chat of the channel, and the topic in it where there are topics. */
export interface ChatAddress {
  readonly channel: ChannelName
  readonly chat: string
  readonly thread?: string | undefined
}

/** An address, and whom the channel reaches it by when that is another id. */
export interface ReachedAddress extends ChatAddress {
  readonly reach?: string | undefined
}

/** Who said it, by ids that cannot be changed like a display name. */
export interface ChatSender {
  /** The id the channel knows the person by. */
  readonly id: string
  /** Another id of the same person (a phone number), when the channel tells one. */
  readonly alias?: string | undefined
}

/** A file that came with a message, as the channel speaks of it. */
export interface MessageFile {
  /** What the channel gives it out by; absent for kinds of files the gateway does not read. */
  readonly reference?: string | undefined
  /** SHA-256 of its bytes in hexadecimal, where the channel tells it. */
  readonly sha256?: string | undefined
  readonly name: string
  /** As the sender's program says: it may be wrong. */
  readonly mediaType?: string | undefined
  /** Bytes, as the channel says. */
  readonly size?: number | undefined
}

/**
 * A message of a person in a form that is the same for all channels. `text`: words. `button`: the command a pressed
 * button stands for. `wordless`: a sticker, a voice note, whatever has nothing to read.
 */
export interface ChatMessage extends ChatAddress {
  /** The provider's id: the same message again has the same one. */
  readonly id: string
  /** The provider's order within a conversation. */
  readonly place: number
  readonly kind: 'text' | 'button' | 'wordless'
  /** For a file the words under it. */
  readonly text: string
  readonly file?: MessageFile | undefined
  readonly sender: ChatSender
  /** Others read along. */
  readonly isGroup: boolean
  /** Whom the channel reaches this chat by now, when it is not `chat` itself. */
  readonly reach?: string | undefined
  /** The provider's id of the message this one answers, or whose button was pressed. */
  readonly replyTo?: string | undefined
  /** The provider's id of the message itself in its chat; a pressed button is no message everywhere. */
  readonly messageId?: string | undefined
  /** The provider's id of the press of a button, where it turns until it is answered. */
  readonly press?: string | undefined
}

/** A channel knows a person, or a group, by other ids from now on. */
export interface IdentityChange {
  readonly channel: ChannelName
  /** Ids that are theirs no more. */
  readonly from: readonly string[]
  readonly to: ChatSender
}

/** What became of a message of the gateway, as some channels report it later. */
export interface DeliveryReport {
  /** The gateway's own id of the message. */
  readonly reference: string
  /** `later`: it did not arrive, for certain; sent again it may. */
  readonly outcome: 'arrived' | 'failed' | 'out-of-window' | 'later'
  /** Of `later`: milliseconds until then. */
  readonly afterMs?: number | undefined
  readonly providerId: string
  readonly reason?: string | undefined
}

/** A button under a message. Pressing it says its command. */
export interface Button {
  readonly title: string
  /** At most 64 bytes, the least any channel carries. */
  readonly command: string
  readonly style?: 'good' | 'bad' | undefined
}
