import { appendFileSync } from 'node:fs'
import type { ShownMessage } from './conversation.ts'
import type { Fault } from './faults.ts'
import type { Network } from './network.ts'

/** One request to the API. */
export interface WhatsAppRequest {
  /** ISO 8601. */
  readonly at: string
  readonly method: string
  readonly path: string
  /** As it came. */
  readonly body: string
  /** HTTP status; 0 when the client got no answer. */
  readonly status: number
  /** The error's code. */
  readonly code?: number
  readonly refusal?: string
  readonly fault?: Fault
}

/** What was asked of the API, and what people see because of it. */
export class WhatsAppLedger {
  readonly requests: WhatsAppRequest[] = []

  constructor(
    private readonly network: Network,
    private readonly file: string | undefined,
  ) {}

  /** Writes a request down, with a file before its answer begins. */
  add(request: WhatsAppRequest): void {
    this.requests.push(request)
    if (this.file !== undefined) appendFileSync(this.file, `${JSON.stringify(request)}\n`)
  }

  /** What a person sees on the phone, oldest first; the person by number or business-scoped id. */
  conversation(person: string): readonly ShownMessage[] {
    return this.network.find(person)?.conversation.messages ?? []
  }

  /** How many messages the business sent that reached a person, or all of them. */
  newMessages(person?: string): number {
    const accounts = this.network.accounts.filter(
      (account) => person === undefined || account === this.network.find(person),
    )
    return accounts.flatMap(({ conversation }) => conversation.messages).filter(({ from }) => from === 'business')
      .length
  }

  /** Whether a person sees the three dots now. */
  isTyping(person: string): boolean {
    return this.network.find(person)?.conversation.isTyping(this.network.now()) ?? false
  }
}
