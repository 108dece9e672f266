import type { ChannelName, ChatMessage, ChatSender, IdentityChange, ReachedAddress } from '../chat/message.ts'
import type { Caller } from '../permissions.ts'
import type { Task } from '../task.ts'

/** A message in the inbox. */
export interface StoredMessage extends ChatMessage {
  /** The inbox's own number, short enough for a button. */
  readonly number: number
  readonly conversation: string
  readonly isHandled: boolean
  /** How long ago it came, by the store's clock. */
  readonly ageMs: number
}

/** A message that came for the first time. */
export interface NewMessage extends ChatMessage {
  readonly conversation: string
}

/** A chat, or a topic of one, as the place where tasks are spoken about. */
export interface ChatConversation {
  readonly id: string
  readonly address: ReachedAddress
  /** Name or URL of the repository people chose for this chat. */
  readonly repository?: string | undefined
}

/** The inbox of chats: what stands here is never lost and never taken twice. */
export interface ChatStore {
  /** Stores messages once each, in one transaction; gives those that are new. */
  receive(messages: readonly ChatMessage[]): Promise<readonly NewMessage[]>
  /** Conversations with messages that nobody has handled within `olderThanMs`. */
  neglected(query: { readonly olderThanMs: number; readonly limit: number }): Promise<readonly string[]>
  /** The first unhandled message in the provider's order. */
  next(conversation: string): Promise<StoredMessage | undefined>
  message(number: number): Promise<StoredMessage | undefined>
  markHandled(number: number): Promise<void>
  conversation(id: string): Promise<ChatConversation>
  chooseRepository(choice: { readonly conversation: string; readonly repository: string }): Promise<void>
  /** The chat alone with a person, or the group with all its topics, goes on under the new id, with what waits there. */
  follow(change: IdentityChange): Promise<void>
  /** The chat goes on under another id of the provider. */
  moveChat(move: { readonly conversation: string; readonly chat: string }): Promise<void>
  /** Tasks begun in a conversation, newest first. */
  tasks(query: { readonly conversation: string; readonly limit: number }): Promise<readonly Task[]>
}

/** Which account a chat user acts for. */
export interface ChatUsers {
  /** The account, while it is valid: a link by a key ends with the key. */
  callerOf(user: { readonly channel: ChannelName; readonly sender: ChatSender }): Promise<Caller | undefined>
  /** The account follows the person to the new ids; the old ones, which somebody else may get, lose it. */
  follow(change: IdentityChange): Promise<void>
  /** Keeps a one-time code as its SHA-256. */
  offerLink(offer: { readonly codeHash: string; readonly caller: Caller; readonly expiresAt: string }): Promise<void>
  /** Ties the user to the account of a code, once; undefined for a code that is unknown, used or too old. */
  redeemLink(link: {
    readonly codeHash: string
    readonly channel: ChannelName
    readonly sender: ChatSender
    /** The message that carried the code: repeated, it gives what it gave. */
    readonly message: number
  }): Promise<Caller | undefined>
}
