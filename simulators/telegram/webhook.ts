import { Courier, type DeliveryHabits, type RetryLaw } from '../webhook/courier.ts'
import type { Dice } from '../webhook/dice.ts'
import type { CallArguments } from './arguments.ts'
import { badRequest, conflict } from './refusal.ts'
import type { Update, UpdateQueue } from './updates.ts'

/** The service's law: one second, doubled up to one or two minutes; what is a day old is dropped. */
export const TELEGRAM_RETRIES: RetryLaw = {
  waitMs: (failures) => Math.min(1_000 * 2 ** (failures - 1), 60_000),
  mostRetryAfterMs: 3_600_000,
  answerWithinMs: 60_000,
  giveUpAfterMs: 86_400_000,
}

const MAX_SECRET = 256
const PORTS = ['', '80', '88', '443', '8443']

interface Setting {
  readonly url: string
  readonly secret: string
  readonly connections: number
}

/** The bot's webhook: set, told about, and fed with updates. */
export class Webhook {
  private setting: Setting | undefined
  private courier: Courier | undefined
  private lastError: { readonly at: number; readonly message: string } | undefined
  private readonly attemptsBefore: Courier['attempts'] = []

  constructor(
    private readonly parts: {
      readonly queue: UpdateQueue
      readonly habits: DeliveryHabits
      readonly law: RetryLaw
      readonly dice: Dice
      readonly unixTime: () => number
      /** Carries out a call that came as the answer to an update. */
      readonly onAnswer: (body: string) => void
    },
  ) {}

  get isSet(): boolean {
    return this.setting !== undefined
  }

  /** Every attempt to deliver an update so far. */
  get attempts(): Courier['attempts'] {
    return [...this.attemptsBefore, ...(this.courier?.attempts ?? [])]
  }

  /** `setWebhook`; an empty address removes it. Throws the service's refusal. */
  set(call: CallArguments): void {
    call.accept('certificate', 'ip_address')
    const setting: Setting = {
      url: call.text('url'),
      secret: call.text('secret_token'),
      connections: call.bounded('max_connections', { least: 1, most: 100, otherwise: 40 }),
    }
    if (setting.url !== '') check(setting)
    this.parts.queue.allow(call)
    this.remove(call)
    if (setting.url === '') return
    this.parts.queue.end(conflict('terminated by setWebhook request'))
    this.setting = setting
    this.courier = this.newCourier(setting)
    for (const update of this.parts.queue.waiting) this.bring(update)
    this.parts.queue.onUpdate = (update) => this.bring(update)
  }

  /** `deleteWebhook`: what was not taken yet waits for `getUpdates`. */
  remove(call: CallArguments): void {
    this.stop()
    if (call.flag('drop_pending_updates')) this.parts.queue.drop()
    this.setting = undefined
    this.lastError = undefined
  }

  /** `getWebhookInfo`. */
  get info(): object {
    const { queue } = this.parts
    return {
      url: this.setting?.url ?? '',
      has_custom_certificate: false,
      pending_update_count: queue.count,
      ...(this.setting && { max_connections: this.setting.connections }),
      ...(queue.allowedUpdates.length > 0 && { allowed_updates: queue.allowedUpdates }),
      ...(this.lastError && { last_error_date: this.lastError.at, last_error_message: this.lastError.message }),
    }
  }

  async settled(): Promise<void> {
    await this.courier?.settled()
  }

  stop(): void {
    this.courier?.stop()
    this.attemptsBefore.push(...(this.courier?.attempts ?? []))
    this.courier = undefined
    this.parts.queue.onUpdate = undefined
  }

  private newCourier({ connections }: Setting): Courier {
    const { habits, law, dice, onAnswer, unixTime } = this.parts
    return new Courier({
      habits,
      law,
      dice,
      connections,
      onAnswer,
      onFailure: (message) => {
        this.lastError = { at: unixTime(), message }
      },
    })
  }

  private bring(update: Update): void {
    const { courier, setting } = this
    if (!courier || !setting) return
    const headers = {
      'content-type': 'application/json',
      ...(setting.secret !== '' && { 'x-telegram-bot-api-secret-token': setting.secret }),
    }
    void courier.deliver({ url: setting.url, headers, body: JSON.stringify(update) }).then((taken) => {
      const isGivenUp = this.courier === courier
      if (taken || isGivenUp) this.parts.queue.confirm(update.update_id)
    })
  }
}

/** Plain HTTP is for this machine alone: there is no certificate on 127.0.0.1. */
function check({ url, secret }: Setting): void {
  if (!URL.canParse(url.includes('://') ? url : `https://${url}`)) throw badRequest('invalid webhook URL specified')
  if (secret.length > MAX_SECRET) throw badRequest('secret token is too long')
  if (!/^[A-Za-z0-9_-]*$/.test(secret)) throw badRequest('secret token contains unallowed characters')
  const { protocol, hostname, port } = new URL(url.includes('://') ? url : `https://${url}`)
  if (['127.0.0.1', 'localhost', '[::1]'].includes(hostname)) return
  if (protocol !== 'https:') throw badRequest('bad webhook: An HTTPS URL must be provided for webhook')
  if (!PORTS.includes(port)) throw badRequest('bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443')
}
