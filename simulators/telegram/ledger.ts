import { appendFileSync } from 'node:fs'
import type { InlineButton } from './keyboard.ts'
import type { Fault } from './faults.ts'
import type { StoredMessage } from './messages.ts'
import type { World } from './world.ts'

const DRAFT_MS = 30_000

/** One call of the API. */
export interface TelegramCall {
  /** ISO 8601. */
  readonly at: string
  readonly method: string
  readonly parameters: Readonly<Record<string, string>>
  /** HTTP status; 0 when the client got no answer. */
  readonly status: number
  readonly description?: string
  /** Parameters the method does not have: the service ignores them, a correct client sends none. */
  readonly strays?: readonly string[]
  readonly fault?: Fault
}

/** A message as a person sees it in a chat. */
export interface ShownMessage {
  readonly id: number
  /** `bot`, or the first name of a person. */
  readonly from: string
  readonly text: string
  readonly buttons: readonly (readonly InlineButton[])[]
  readonly edits: number
  readonly thread?: number
  readonly replyTo?: number
  readonly document?: string
  readonly reactions: readonly string[]
}

/** What was asked of the API, and what people see because of it. */
export class TelegramLedger {
  readonly calls: TelegramCall[] = []

  constructor(
    private readonly world: World,
    private readonly file: string | undefined,
  ) {}

  /** Writes a call down, with a file before its answer begins. */
  add(call: TelegramCall): void {
    this.calls.push(call)
    if (this.file !== undefined) appendFileSync(this.file, `${JSON.stringify(call)}\n`)
  }

  /** What is in a chat now, oldest first: edits applied, deleted messages gone. */
  chat(id: number): readonly ShownMessage[] {
    const stored = [...(this.world.chats.get(id)?.messages.values() ?? [])]
    return stored.filter(({ deleted }) => !deleted).map((message) => this.shown(message))
  }

  /** How many messages of the bot were new, deleted ones too: each of them made a phone ring. */
  newMessages(chat?: number): number {
    const { sentByBot } = this.world
    return sentByBot.filter(({ message }) => chat === undefined || message.chat.id === chat).length
  }

  /** Previews of messages to come that are still shown. */
  drafts(chat: number): readonly string[] {
    const drafts = [...(this.world.chats.get(chat)?.drafts.values() ?? [])]
    return drafts.filter(({ at }) => this.world.now() - at < DRAFT_MS).map(({ text }) => text)
  }

  /** Every `sendChatAction` of a chat. */
  actions(chat: number): readonly string[] {
    return this.world.chats.get(chat)?.actions ?? []
  }

  /** What a person was told after pressing a button; undefined while the button still turns. */
  answerTo(callbackQuery: string): { readonly text: string; readonly isAlert: boolean } | undefined {
    return this.world.callbacks.get(callbackQuery)?.answer
  }

  /** A message as a person sees it. */
  shown({ message, edits, reactions }: StoredMessage): ShownMessage {
    return {
      id: message.message_id,
      from: message.from.id === this.world.bot.id ? 'bot' : message.from.first_name,
      text: message.text ?? message.caption ?? '',
      buttons: message.reply_markup?.inline_keyboard ?? [],
      edits,
      reactions,
      ...(message.message_thread_id !== undefined && { thread: message.message_thread_id }),
      ...(message.reply_to_message && { replyTo: message.reply_to_message.message_id }),
      ...(message.document && { document: message.document.file_name }),
    }
  }
}
