import type { Callbacks } from './callbacks.ts'
import type { Account, Network } from './network.ts'

/** Why a message failed after it was accepted. */
export interface Failure {
  readonly code: number
  readonly title: string
  readonly details: string
}

export const UNDELIVERABLE: Failure = {
  code: 131_026,
  title: 'Message undeliverable',
  details: 'Message Undeliverable.',
}

/** Tells the business how far its messages came. */
export class Statuses {
  constructor(
    private readonly parts: {
      readonly network: Network
      readonly callbacks: Callbacks
      /** Which statuses a message that arrives gets. */
      readonly told: readonly ('sent' | 'delivered' | 'read')[]
    },
  ) {}

  /** Reports a message's way: sent, delivered, read; or that it failed. */
  report(sent: {
    readonly id: string
    readonly account: Account | undefined
    readonly to: string
    readonly opaque: string | undefined
    readonly failure: Failure | undefined
  }): void {
    const { id, account, to, opaque, failure } = sent
    const { network, callbacks, told } = this.parts
    const { phone = to, userId } = account?.profile ?? {}
    for (const status of failure ? (['failed'] as const) : told)
      callbacks.report({
        statuses: [
          {
            id,
            status,
            timestamp: network.unixTime,
            recipient_id: phone.replaceAll(/^\+/g, ''),
            ...(userId !== undefined && { recipient_user_id: userId }),
            ...(opaque !== undefined && { biz_opaque_callback_data: opaque }),
            ...(failure ? { errors: [errorOf(failure)] } : billing(userId ?? to)),
          },
        ],
      })
  }
}

const errorOf = ({ code, title, details }: Failure): object => ({
  code,
  title,
  message: title,
  error_data: { details },
  href: 'https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/',
})

const billing = (conversation: string): object => ({
  conversation: { id: Buffer.from(conversation).toString('hex'), origin: { type: 'service' } },
  pricing: { billable: false, pricing_model: 'PMP', category: 'service', type: 'free_customer_service' },
})
