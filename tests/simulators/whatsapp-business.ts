import { afterEach } from 'vitest'
import {
  startWhatsAppSimulator,
  type WhatsAppSimulator,
  type WhatsAppSimulatorOptions,
} from '../../simulators/whatsapp/server.ts'
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts'

export const PHONE = '491701234567'
export const SECRET = 'app-secret'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()))
})

/** A simulator with a webhook that takes everything; both end with the test. */
export async function startWhatsApp(
  options: Partial<WhatsAppSimulatorOptions> = {},
  ...how: Parameters<typeof startReceiver>
): Promise<{ simulator: WhatsAppSimulator; receiver: WebhookReceiver }> {
  const receiver = await startReceiver(...how)
  open.push(receiver)
  const simulator = await startWhatsAppSimulator({ webhookUrl: receiver.url, appSecret: SECRET, ...options })
  open.push(simulator)
  return { simulator, receiver }
}

/** What the Graph API answered. */
export interface GraphAnswer {
  readonly http: number
  readonly body: {
    readonly messages?: readonly { readonly id: string }[]
    readonly error?: {
      readonly message: string
      readonly code: number
      readonly error_data?: { readonly details: string }
    }
  } & Record<string, unknown>
}

/** Posts a body to `/messages` as it is. */
export async function post(
  { url, token, phoneNumberId }: Pick<WhatsAppSimulator, 'url' | 'token' | 'phoneNumberId'>,
  body: unknown,
  path = `/v23.0/${phoneNumberId}/messages`,
): Promise<GraphAnswer> {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { http: response.status, body: (await response.json()) as GraphAnswer['body'] }
}

/** Sends a message to the usual person; other fields come on top. */
export const send = (simulator: WhatsAppSimulator, more: object = {}): Promise<GraphAnswer> =>
  post(simulator, { messaging_product: 'whatsapp', to: PHONE, type: 'text', text: { body: 'hi' }, ...more })

/** An interactive message with these reply buttons. */
export const withButtons = (...titles: readonly string[]): object => ({
  type: 'interactive',
  text: undefined,
  interactive: {
    type: 'button',
    body: { text: 'Sure?' },
    action: { buttons: titles.map((title) => ({ type: 'reply', reply: { id: `id-${title}`, title } })) },
  },
})

/** A change's value as far as tests look at it. */
export interface TestValue {
  readonly messaging_product: string
  readonly contacts?: readonly Record<string, unknown>[]
  readonly messages?: readonly ({ readonly id: string; readonly type: string } & Record<string, unknown>)[]
  readonly statuses?: readonly ({ readonly id: string; readonly status: string } & Record<string, unknown>)[]
}

/** The values of all webhooks so far. */
export const valuesOf = (receiver: WebhookReceiver): TestValue[] =>
  receiver
    .bodies<{ entry: { changes: { value: TestValue }[] }[] }>()
    .flatMap(({ entry }) => entry.flatMap(({ changes }) => changes.map(({ value }) => value)))
