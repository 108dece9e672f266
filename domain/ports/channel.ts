import type {
  Button,
  ChannelName,
  ChatMessage,
  DeliveryReport,
  IdentityChange,
  MessageFile,
  ReachedAddress,
} from '../chat/message.ts'
import type { Span, StyledText } from '../chat/styled-text.ts'

/** What a channel can show. */
export interface ChannelTraits {
  /** Units of one message. */
  readonly maxText: number
  /** Units of a message with buttons. */
  readonly maxTextWithButtons: number
  /** What the channel's markup adds to the text for a span, at most. */
  spanCost(span: Span): number
  readonly maxButtons: number
  /** Whether a message can arrive without a sound. */
  readonly silence: boolean
  /** Whether a message can be changed after it was sent. */
  readonly edits: boolean
  /** Whether who was silent for long is asked for a word first, by a message more: see {@link Channel.reengage}. */
  readonly invites: boolean
}

export interface OutgoingMessage {
  readonly to: ReachedAddress
  /** The gateway's own id of the message; channels that echo it get it along. */
  readonly reference: string
  readonly text: StyledText
  readonly buttons: readonly Button[]
  /** Arrives without a sound, where the channel knows that. */
  readonly silent: boolean
  /** The provider's id of the message this one answers. */
  readonly replyTo?: string | undefined
}

/** A change of a message that was sent. */
export type MessageEdit = Pick<OutgoingMessage, 'to' | 'text' | 'buttons'> & { readonly providerId: string }

/** Says in a line that something waits. */
export interface Invitation extends Pick<OutgoingMessage, 'to' | 'reference'> {
  readonly about: string
}

/** What became of one call. */
export type Delivery =
  | { readonly type: 'sent'; readonly providerId: string }
  /** It will not be taken, now or later. */
  | { readonly type: 'refused'; readonly reason: string }
  /** It was not taken now, for certain; the same call may be later. */
  | { readonly type: 'later'; readonly reason: string; readonly afterMs?: number | undefined }
  /** The person must write first: messages wait for that. */
  | { readonly type: 'out-of-window' }
  /** The chat goes on under another id. */
  | { readonly type: 'moved'; readonly chat: string }
  /** Nobody can tell whether it was taken. */
  | { readonly type: 'unknown'; readonly reason: string }

/** What a file is asked for by. */
export type FileReference = Pick<MessageFile, 'sha256'> & { readonly reference: string }

/** What a channel gave for a file. */
export type Download =
  | { readonly type: 'file'; readonly bytes: Uint8Array }
  | { readonly type: 'too-large' }
  /** These are not the bytes that were sent: their digest is another one. */
  | { readonly type: 'damaged' }
  /** It will not be given, now or later. */
  | { readonly type: 'gone'; readonly reason: string }
  /** It was not given now; asked again it may be. */
  | { readonly type: 'later'; readonly reason: string }

/** A configured channel. */
export interface OpenChannel {
  readonly channel: Channel
  /** None when its service is asked for what people say. */
  readonly webhook?: ChannelWebhook
  /** Fetches what people say until the signal; one process at a time does. */
  readonly poll?: (
    polling: {
      /** Resolves once it is durable. */
      take(received: Received): Promise<void>
      onFailure(reason: string): void
    },
    signal: AbortSignal,
  ) => Promise<void>
}

/** A chat service as the gateway speaks to it. One folder of `adapters/` implements it and {@link ChannelWebhook}. */
export interface Channel {
  readonly name: ChannelName
  readonly traits: ChannelTraits
  /** The bot's own name, once it is known and where commands can carry it. */
  readonly botName?: string | undefined
  /**
   * `reported`: what became of an unknown message is told later by its reference. `never`: it stays unknown. Edits are
   * repeatable everywhere.
   */
  readonly reconciliation: 'reported' | 'never'
  send(message: OutgoingMessage): Promise<Delivery>
  edit(edit: MessageEdit): Promise<Delivery>
  /** Asks somebody whose window has closed to write, so that what waits can be sent; where the channel can do that. */
  readonly reengage?: ((invitation: Invitation) => Promise<Delivery>) | undefined
  /**
   * Gets the file of a message, of `MAX_FILE_BYTES` at most, and compares its digest with what the channel told. Its
   * address is asked for each time, as addresses expire. It never throws.
   */
  download(file: FileReference): Promise<Download>
  /** Shows the sender that the message arrived: read, typing, a button that stops turning. A courtesy: it never throws. */
  acknowledge(message: ChatMessage): Promise<void>
  /** Whether the service answers, asked by something that changes nothing; where it can be asked. It never throws. */
  isWell?(signal: AbortSignal): Promise<boolean>
  /** Tells the service about this gateway: its webhook's address, its commands. It throws when the service did not take it. */
  introduce(webhookUrl: string | undefined, signal: AbortSignal): Promise<void>
}

/** What a webhook brought. */
export interface Received {
  readonly messages: readonly ChatMessage[]
  readonly reports: readonly DeliveryReport[]
  /** Where the channel's ids of people or groups can change. */
  readonly identities?: readonly IdentityChange[]
}

/** The receiving side of a channel. */
export interface ChannelWebhook {
  readonly name: ChannelName
  /** Whether the request carries a proof at all; without one its body is not even read. */
  hasProof(headers: Headers): boolean
  /** Whether the channel itself sent these bytes; compared in constant time. */
  isGenuine(headers: Headers, body: Uint8Array): boolean
  /** What the parsed body says; what is of no interest or unknown is left out. */
  read(body: unknown): Received
  /** The challenge of a service's handshake, when it knows the token; for services that begin with one. */
  challengeOf?(query: { get(name: string): string | undefined }): string | undefined
}

/** The types of the platform that ports speak of. */
type Headers = { get(name: string): string | null }
