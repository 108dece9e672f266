import { createHash, randomBytes } from 'node:crypto'
import type { Attempt, RetryLaw } from '../webhook/courier.ts'
import { Dice } from '../webhook/dice.ts'
import { startLocalServer } from '../webhook/local-server.ts'
import { Callbacks, WHATSAPP_RETRIES, type CallbackHabits } from './callbacks.ts'
import type { Fault } from './faults.ts'
import { Graph } from './graph.ts'
import { WhatsAppLedger } from './ledger.ts'
import { Throttle, type Limits } from './limits.ts'
import { sendForged, type Forgery } from './forgery.ts'
import type { ShownMessage } from './conversation.ts'
import { Network, type Profile } from './network.ts'
import { WhatsAppPerson } from './person.ts'
import { Sending, type Template, type WindowLaw } from './sending.ts'
import { Statuses } from './statuses.ts'
import { verifyWebhook, type Verification } from './verification.ts'

export interface WhatsAppSimulatorOptions {
  /** Where webhooks go. */
  readonly webhookUrl: string
  /** Signs webhooks. */
  readonly appSecret: string
  /** What the product must be told to answer the handshake. */
  readonly verifyToken?: string
  /** The bearer token that is right. */
  readonly token?: string
  readonly phoneNumberId?: string
  /** 0, the default, takes a free one. */
  readonly port?: number
  /** How webhooks are delivered; each alone, once, at once, in order without it. */
  readonly delivery?: CallbackHabits
  /** Deviations from the service's law of retries. */
  readonly retries?: Partial<RetryLaw>
  /** Which statuses follow a message that arrives; all three without it. */
  readonly statuses?: readonly ('sent' | 'delivered' | 'read')[]
  /** What happens 24 hours after a person last wrote; refused without it. */
  readonly window?: WindowLaw
  /** Limits that are on; none without it. */
  readonly limits?: Limits
  readonly templates?: readonly Template[]
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** What chance is made from. */
  readonly seed?: number
  /** A file that gets a line of JSON for each request, before its answer. */
  readonly ledgerFile?: string
  /** Gets each new message of the business. */
  readonly onMessage?: (message: ShownMessage) => void
}

export interface WhatsAppSimulator {
  /** The root of the Graph API for clients, without a slash at its end. */
  readonly url: string
  readonly port: number
  readonly token: string
  readonly phoneNumberId: string
  readonly ledger: WhatsAppLedger
  /** Every attempt to deliver a webhook. */
  readonly deliveries: readonly Attempt[]
  /**
   * The person with this number, or with this business-scoped id (`US.1349…`) and no number that anyone is told. The first
   * call says who that is.
   */
  user(
    id: string,
    profile?: { readonly name?: string; readonly username?: string; readonly userId?: string },
  ): WhatsAppPerson
  /**
   * Lets the next message (or as many as `times` says) fail; with `kind` only those of that type, or `read`. `media` and
   * `download` are the two requests of a file.
   */
  failNext(fault: Fault, which?: { readonly times?: number; readonly kind?: string }): void
  /** Lets every call fail like this, until it is called with undefined. */
  outage(fault: Fault | undefined): void
  /** Does the handshake with the product's webhook. */
  verify(): Promise<Verification>
  /** Sends a message of this text with a forged signature; gives the HTTP status the product answers with. */
  forge(forgery: Forgery, text: string): Promise<number>
  /** Resolves when no webhook is on its way any more. */
  settled(): Promise<void>
  close(): Promise<void>
}

const BUSINESS_PHONE = '15550783881'

/** Starts a stand-in for the WhatsApp Business Cloud API on 127.0.0.1 that refuses whatever the real one refuses. */
export async function startWhatsAppSimulator(options: WhatsAppSimulatorOptions): Promise<WhatsAppSimulator> {
  const { webhookUrl, appSecret, now = Date.now, verifyToken = 'simulator' } = options
  const { token = 'EAAsimulatedToken', phoneNumberId = '106540352242922' } = options
  if (appSecret === '') throw new Error('The app secret is empty: nobody could tell our webhooks from forged ones.')
  const network = new Network(now)
  const ledger = new WhatsAppLedger(network, options.ledgerFile)
  const throttle = new Throttle(options.limits ?? {}, now)
  const callbacks = new Callbacks({
    url: webhookUrl,
    appSecret,
    accountId: '102290129340398',
    metadata: { display_phone_number: BUSINESS_PHONE, phone_number_id: phoneNumberId },
    habits: options.delivery ?? {},
    law: { ...WHATSAPP_RETRIES, ...options.retries },
    dice: new Dice(options.seed ?? 1),
    unixTime: () => network.unixTime,
  })
  const statuses = new Statuses({ network, callbacks, told: options.statuses ?? ['sent', 'delivered', 'read'] })
  const { templates = [], window = 'refuse' } = options
  const sending = new Sending({ network, throttle, statuses, templates, window, onMessage: options.onMessage })
  const graph = new Graph({ network, sending, ledger, token, phoneNumberId })
  const server = await startLocalServer(options.port ?? 0, (request) => graph.answer(request))
  const people = new Map<string, WhatsAppPerson>()
  return {
    url: server.url,
    port: server.port,
    token,
    phoneNumberId,
    ledger,
    deliveries: callbacks.attempts,
    user(id, about = {}) {
      const known = people.get(id)
      if (known) return known
      const account = network.join(profileOf(id, about))
      const person = new WhatsAppPerson(account, { network, callbacks, throttle, businessPhone: BUSINESS_PHONE })
      people.set(id, person)
      return person
    },
    failNext: (fault, { times = 1, kind } = {}) => graph.faults.order(fault, times, kind),
    outage: (fault) => void (graph.faults.outage = fault),
    verify: () => verifyWebhook(webhookUrl, { verifyToken, challenge: randomBytes(8).readUIntBE(0, 6).toString() }),
    forge: (forgery, text) =>
      sendForged(forgery, { url: webhookUrl, secret: appSecret, payload: callbacks.payloadOf([forgedMessage(text)]) }),
    settled: () => callbacks.settled(),
    async close() {
      callbacks.stop()
      await server.close()
    },
  }
}

function profileOf(id: string, about: { name?: string; username?: string; userId?: string }): Profile {
  const isNumber = /^\d{6,15}$/.test(id)
  if (!isNumber && !/^[A-Z]{2}\.[A-Za-z0-9.]+$/.test(id))
    throw new Error(`${JSON.stringify(id)} is neither a number in digits nor a business-scoped id like US.1349.`)
  const digits = BigInt(`0x${createHash('sha256').update(id).digest('hex').slice(0, 14)}`).toString()
  const userId = about.userId ?? (isNumber ? `US.${digits}` : id)
  const { name = `User ${id.slice(-4)}`, username } = about
  return { name, userId, ...(isNumber && { phone: id }), ...(username !== undefined && { username }) }
}

/** From nobody: whoever acts on it took a forgery for real. */
const forgedMessage = (text: string) => ({
  contacts: [{ profile: { name: 'Forger' }, wa_id: '10000000000', user_id: 'US.1' }],
  messages: [
    {
      from: '10000000000',
      from_user_id: 'US.1',
      id: `wamid.${randomBytes(16).toString('base64')}`,
      timestamp: String(Math.floor(Date.now() / 1_000)),
      type: 'text',
      text: { body: text },
    },
  ],
})
