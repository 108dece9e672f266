import { createHmac } from 'node:crypto'
import { Courier, type DeliveryHabits, type RetryLaw } from '../webhook/courier.ts'
import type { Dice } from '../webhook/dice.ts'

/** Half a minute doubled up to an hour, for a week; who does not answer in ten seconds gets it again. */
export const WHATSAPP_RETRIES: RetryLaw = {
  waitMs: (failures) => Math.min(30_000 * 2 ** (failures - 1), 3_600_000),
  mostRetryAfterMs: 0,
  answerWithinMs: 10_000,
  giveUpAfterMs: 604_800_000,
}

const CONNECTIONS = 40

/** How webhooks are put together and delivered. */
export interface CallbackHabits extends DeliveryHabits {
  /** Collects what happens within this time and sends it in another order, several things in a webhook. */
  readonly batchWithinMs?: number
}

/** What one change of a webhook holds. */
export interface ChangeValue {
  readonly contacts?: readonly object[]
  readonly messages?: readonly object[]
  readonly statuses?: readonly object[]
}

/** The body as the service writes and signs it: everything but ASCII escaped, and slashes too. */
export function metaJson(payload: object): string {
  return JSON.stringify(payload)
    .replaceAll('/', String.raw`\/`)
    .replaceAll(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** `X-Hub-Signature-256` of a body. */
export const signatureOf = (secret: string, body: string): string =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`

/** Signs what happens and brings it to the product. */
export class Callbacks {
  private readonly courier: Courier
  private collected: ChangeValue[] = []
  private timer: NodeJS.Timeout | undefined

  constructor(
    private readonly parts: {
      readonly url: string
      readonly appSecret: string
      readonly accountId: string
      readonly metadata: { readonly display_phone_number: string; readonly phone_number_id: string }
      readonly habits: CallbackHabits
      readonly law: RetryLaw
      readonly dice: Dice
      readonly unixTime: () => string
    },
  ) {
    const { habits, law, dice } = parts
    this.courier = new Courier({ habits, law, dice, connections: CONNECTIONS })
  }

  get attempts(): Courier['attempts'] {
    return this.courier.attempts
  }

  /** Reports a change, at once or with others. */
  report(value: ChangeValue): void {
    const { batchWithinMs = 0 } = this.parts.habits
    this.collected.push(value)
    if (batchWithinMs === 0) return this.flush()
    this.timer ??= setTimeout(() => this.flush(), batchWithinMs)
  }

  async settled(): Promise<void> {
    this.flush()
    await this.courier.settled()
  }

  stop(): void {
    clearTimeout(this.timer)
    this.courier.stop()
  }

  /** A payload with these changes in one entry. */
  payloadOf(values: readonly ChangeValue[]): object {
    const { accountId, metadata } = this.parts
    const changes = values.map((value) => ({
      value: { messaging_product: 'whatsapp', metadata, ...value },
      field: 'messages',
    }))
    return { object: 'whatsapp_business_account', entry: [{ id: accountId, changes }] }
  }

  private flush(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    const { dice, habits } = this.parts
    const batches = habits.batchWithinMs === undefined ? this.collected.map((one) => [one]) : this.batches(dice)
    this.collected = []
    for (const batch of batches) this.send(metaJson(this.payloadOf(batch)))
  }

  /** The collected changes in another order, in groups of chance; messages of one kind share a change. */
  private batches(dice: Dice): ChangeValue[][] {
    const left = dice.shuffled(this.collected)
    const groups: ChangeValue[][] = []
    while (left.length > 0) groups.push(merged(left.splice(0, dice.between(1, left.length))))
    return groups
  }

  private send(body: string): void {
    const { url, appSecret } = this.parts
    const headers = { 'content-type': 'application/json', 'x-hub-signature-256': signatureOf(appSecret, body) }
    void this.courier.deliver({ url, headers, body })
  }
}

/** Statuses come together in one change, as do messages with all their contacts. */
function merged(values: readonly ChangeValue[]): ChangeValue[] {
  const statuses = values.flatMap((value) => value.statuses ?? [])
  const messages = values.flatMap((value) => value.messages ?? [])
  const contacts = values.flatMap((value) => value.contacts ?? [])
  return [...(messages.length > 0 ? [{ contacts, messages }] : []), ...(statuses.length > 0 ? [{ statuses }] : [])]
}
