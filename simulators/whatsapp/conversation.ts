/** A button or a row of a list under a message. */
export interface ShownButton {
  readonly id: string
  readonly title: string
  readonly description?: string
}

/** A message as it stands on the phone. */
export interface ShownMessage {
  readonly id: string
  readonly from: 'business' | 'user'
  readonly type: string
  readonly text: string
  readonly header?: string
  readonly footer?: string
  /** Quick replies, or the rows of a list. */
  readonly buttons: readonly ShownButton[]
  /** What opens the list. */
  readonly listTitle?: string
  readonly repliesTo?: string
  reaction?: string
  /** The business has read it. */
  isRead?: boolean
}

const TYPING_MS = 25_000

/** All that passed between one person and the business. */
export class Conversation {
  readonly messages: ShownMessage[] = []
  /** When the person last wrote, milliseconds since 1970. */
  lastInboundAt: number | undefined
  private typingUntil = 0

  find(id: string): ShownMessage | undefined {
    return this.messages.find((message) => message.id === id)
  }

  add(message: ShownMessage): void {
    this.messages.push(message)
    if (message.from === 'business') this.typingUntil = 0
  }

  startTyping(now: number): void {
    this.typingUntil = now + TYPING_MS
  }

  isTyping(now: number): boolean {
    return now < this.typingUntil
  }
}
