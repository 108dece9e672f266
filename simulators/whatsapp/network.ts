import { createHash } from 'node:crypto'
import { Conversation } from './conversation.ts'

/** A person as the business may know them. */
export interface Profile {
  /** Digits; absent when the person hides it behind a username. */
  readonly phone?: string
  /** The business-scoped id. */
  readonly userId: string
  readonly name: string
  readonly username?: string
}

/** A person with what is between them and the business. */
export interface Account {
  profile: Profile
  readonly conversation: Conversation
  /** Nothing arrives any more. */
  isUnreachable: boolean
}

/** A file a person sent. */
export interface StoredMedia {
  readonly id: string
  readonly type: string
  readonly bytes: Buffer
  /** In hexadecimal, as it is told with the address. */
  readonly sha256: string
  readonly sentAt: number
}

/** All accounts, files and ids behind the API. */
export class Network {
  readonly accounts: Account[] = []
  readonly media = new Map<string, StoredMedia>()
  private lastId = 0

  constructor(
    /** Milliseconds since 1970. */
    readonly now: () => number,
  ) {}

  get unixTime(): string {
    return String(Math.floor(this.now() / 1_000))
  }

  join(profile: Profile): Account {
    const account = { profile, conversation: new Conversation(), isUnreachable: false }
    this.accounts.push(account)
    return account
  }

  /** By number, with or without `+` and spaces, or by business-scoped id. */
  find(address: string): Account | undefined {
    const digits = address.replaceAll(/\D/g, '')
    return this.accounts.find(
      ({ profile }) => profile.userId === address || (profile.phone !== undefined && profile.phone === digits),
    )
  }

  /** The account that has a message in its conversation. */
  holderOf(messageId: string): Account | undefined {
    return this.accounts.find(({ conversation }) => conversation.find(messageId) !== undefined)
  }

  nextMessageId(owner: string): string {
    this.lastId++
    const digest = createHash('sha256').update(`${owner} ${this.lastId}`).digest('hex').slice(0, 32).toUpperCase()
    return `wamid.${Buffer.from(`${owner.slice(0, 15)}\u0015\u0002${digest}`).toString('base64')}`
  }

  keep(file: Pick<StoredMedia, 'type' | 'bytes' | 'sha256'>): StoredMedia {
    this.lastId++
    const stored = { ...file, id: String(1_800_000_000_000_000 + this.lastId), sentAt: this.now() }
    this.media.set(stored.id, stored)
    return stored
  }
}
