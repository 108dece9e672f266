import type { CallArguments, UploadedFile } from './arguments.ts'
import { Chat } from './chat.ts'
import type { ChatFace, StoredMessage, TelegramDocument, TelegramUser } from './messages.ts'
import { badRequest } from './refusal.ts'

interface CallbackQuery {
  readonly askedAt: number
  /** What the person was shown, once the bot answered. */
  answer?: { readonly text: string; readonly isAlert: boolean }
}

/** All that exists behind the API: chats, files, questions of buttons. */
export class World {
  readonly chats = new Map<number, Chat>()
  readonly files = new Map<string, { readonly document: TelegramDocument; readonly bytes: Buffer }>()
  readonly callbacks = new Map<string, CallbackQuery>()
  /** Messages the bot sent anew, in order. */
  readonly sentByBot: StoredMessage[] = []
  /** Hears of each message the bot sends anew. */
  onSent: ((message: StoredMessage) => void) | undefined
  private lastGroup = 0

  constructor(
    readonly bot: TelegramUser,
    /** Milliseconds since 1970. */
    readonly now: () => number,
  ) {}

  get unixTime(): number {
    return Math.floor(this.now() / 1_000)
  }

  open(face: ChatFace): Chat {
    const chat = this.chats.get(face.id) ?? new Chat(face)
    this.chats.set(face.id, chat)
    return chat
  }

  /** Basic groups and supergroups have ids of different lengths, as in the service. */
  nextGroupId(type: 'group' | 'supergroup'): number {
    this.lastGroup++
    return type === 'group' ? -4_000_000_000 - this.lastGroup : -1_002_000_000_000 - this.lastGroup
  }

  /** The chat of a call; throws the service's refusal. */
  chatOf(call: CallArguments): Chat {
    const id = call.text('chat_id')
    if (id === '') throw badRequest('chat_id is empty')
    const chat = id.startsWith('@')
      ? [...this.chats.values()].find(({ face }) => face.type !== 'private' && `@${face.username}` === id)
      : this.chats.get(Number(id))
    if (!chat) throw badRequest('chat not found')
    return chat
  }

  keep(file: UploadedFile): TelegramDocument {
    const number = String(this.files.size + 1).padStart(6, '0')
    const document: TelegramDocument = {
      file_id: `BQACAgIAAxkBAAI${number}`,
      file_unique_id: `AgAD${number}`,
      file_name: file.name,
      ...(file.type !== '' && { mime_type: file.type }),
      file_size: file.bytes.length,
    }
    this.files.set(document.file_id, { document, bytes: file.bytes })
    return document
  }
}
