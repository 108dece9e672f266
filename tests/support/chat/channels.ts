import { createTelegramChannel } from '../../../adapters/telegram/telegram-channel.ts'
import { createTelegramWebhook } from '../../../adapters/telegram/telegram-webhook.ts'
import { createWhatsAppChannel } from '../../../adapters/whatsapp/whatsapp-channel.ts'
import { createWhatsAppWebhook } from '../../../adapters/whatsapp/whatsapp-webhook.ts'
import type { ChatAddress } from '../../../domain/chat/message.ts'
import type { Channel, ChannelWebhook } from '../../../domain/ports/channel.ts'
import { startTelegramSimulator } from '../../../simulators/telegram/server.ts'
import { startWhatsAppSimulator } from '../../../simulators/whatsapp/server.ts'
import { startSlate } from './slate/service.ts'
import { SLATE } from './slate/slate.ts'
import { startReceiver } from '../webhook-receiver.ts'

/** What a person sees of a message. */
export interface Seen {
  readonly text: string
  readonly buttons: readonly { readonly title: string; readonly command: string }[]
}

interface SentFile {
  readonly name: string
  readonly bytes: Buffer
  readonly type: string
  readonly caption?: string
}

/** A channel with its service and one person there. */
export interface ChannelStage {
  readonly channel: Channel
  readonly webhook: ChannelWebhook
  /** Where the person is reached. */
  readonly to: ChatAddress
  /** Messages of the gateway the person sees, oldest first. */
  seen(): readonly Seen[]
  says(text: string): void
  presses(command: string): void
  reacts(): void
  sendsSomethingWordless(): void
  sendsFile(file: SentFile): void
  sendsPhoto(bytes: Buffer, caption?: string): void
  /** How often the address of a file was asked for. */
  addressesAsked(): number
  /** What the service delivered, oldest first: bytes with their headers. */
  delivered(): Promise<readonly { readonly headers: Headers; readonly body: Buffer }[]>
  /** The next message meets this. */
  fault(kind: 'busy' | 'lost-before' | 'lost-after'): void
  /** Everything meets this, or nothing any more. */
  outage(isOn: boolean): void
  /** The next request of a file meets this: for its address, or for its bytes. */
  fileFault(request: 'address' | 'bytes'): void
  /** The person is not reached any more. */
  leaves(): void
  /** Whether the person was shown that a message arrived. */
  isAcknowledged(): boolean
  close(): Promise<void>
}

const SECRET = 'secret-of-the-webhook'

/** Every implementation of the `Channel` port. Another one is a word here. */
export const CHANNELS: Readonly<Record<string, () => Promise<ChannelStage>>> = { telegram, whatsapp, slate }

async function telegram(): Promise<ChannelStage> {
  const receiver = await startReceiver()
  const simulator = await startTelegramSimulator()
  const ada = simulator.user(1001, { firstName: 'Ada' })
  const hook = `secret_token=${SECRET}&url=${receiver.url}&allowed_updates=["message","callback_query","message_reaction","edited_message"]`
  await fetch(`${simulator.url}/bot${simulator.token}/setWebhook?${hook}`)
  const chat = () => simulator.ledger.chat(1001)
  return {
    channel: createTelegramChannel({ token: simulator.token, apiUrl: simulator.url, webhookSecret: SECRET }),
    webhook: createTelegramWebhook({ token: simulator.token, secret: SECRET }),
    to: { channel: 'telegram', chat: '1001' },
    seen: () =>
      chat()
        .filter(({ from }) => from === 'bot')
        .map(({ text, buttons }) => ({
          text,
          buttons: buttons.flat().map((button) => ({ title: button.text, command: button.callback_data ?? '' })),
        })),
    says: (text) => void ada.says(text),
    presses(command) {
      const message = chat().findLast(({ buttons }) => buttons.flat().some((one) => one.callback_data === command))
      ada.presses(message?.id ?? 0, command)
    },
    reacts: () => ada.reacts(chat().at(-1)?.id ?? 0, '👍'),
    sendsSomethingWordless: () => void ada.sendsVoice(),
    sendsFile: (file) => void ada.sendsFile(file),
    sendsPhoto: (bytes, caption) => void ada.sendsPhoto(bytes, caption === undefined ? {} : { caption }),
    addressesAsked: () => simulator.ledger.calls.filter(({ method }) => method === 'getFile').length,
    fileFault: (request) => simulator.failNext('internal', { method: request === 'address' ? 'getFile' : 'file' }),
    async delivered() {
      await simulator.settled()
      return receiver.received.map(deliveredOf)
    },
    fault: (kind) =>
      simulator.failNext(
        ({ busy: 'rate-limited', 'lost-before': 'reset-before', 'lost-after': 'reset-after' } as const)[kind],
      ),
    outage: (isOn) => simulator.outage(isOn ? 'bad-gateway' : undefined),
    leaves: () => ada.blocks(),
    isAcknowledged: () => simulator.ledger.actions(1001).length > 0,
    close: async () => void (await Promise.all([simulator.close(), receiver.close()])),
  }
}

const PHONE = '491701234567'

async function whatsapp(): Promise<ChannelStage> {
  const receiver = await startReceiver()
  const simulator = await startWhatsAppSimulator({ webhookUrl: receiver.url, appSecret: SECRET })
  const { token: accessToken, phoneNumberId, url: apiUrl } = simulator
  const eve = simulator.user(PHONE, { name: 'Eve' })
  const conversation = () => simulator.ledger.conversation(PHONE)
  return {
    channel: createWhatsAppChannel({ accessToken, phoneNumberId, apiUrl }),
    webhook: createWhatsAppWebhook({ appSecret: SECRET, verifyToken: 'verify', phoneNumberId }),
    to: { channel: 'whatsapp', chat: PHONE },
    seen: () =>
      conversation()
        .filter(({ from }) => from === 'business')
        .map(({ text, buttons }) => ({ text, buttons: buttons.map(({ id, title }) => ({ title, command: id })) })),
    says: (text) => void eve.says(text),
    presses: (command) => void eve.presses(command),
    reacts: () => void eve.reacts(conversation().at(-1)?.id ?? '', '👍'),
    sendsSomethingWordless: () => void eve.sends({ type: 'audio', voice: true }),
    sendsFile: ({ name: filename, type: mimeType, ...file }) =>
      void eve.sends({ type: 'document', filename, mimeType, ...file }),
    sendsPhoto: (bytes, caption) => void eve.sends({ type: 'image', bytes, ...(caption !== undefined && { caption }) }),
    addressesAsked: () =>
      simulator.ledger.requests.filter(({ method, path }) => method === 'GET' && /\/\d+$/.test(path)).length,
    fileFault: (request) => simulator.failNext('internal', { kind: request === 'address' ? 'media' : 'download' }),
    async delivered() {
      await simulator.settled()
      return receiver.received.map(deliveredOf)
    },
    fault: (kind) =>
      simulator.failNext(
        ({ busy: 'rate-limited', 'lost-before': 'reset-before', 'lost-after': 'reset-after' } as const)[kind],
      ),
    outage: (isOn) => simulator.outage(isOn ? 'unavailable' : undefined),
    leaves: () => eve.leaves(),
    isAcknowledged: () => simulator.ledger.isTyping(PHONE),
    close: async () => void (await Promise.all([simulator.close(), receiver.close()])),
  }
}

async function slate(): Promise<ChannelStage> {
  const receiver = await startReceiver()
  const service = await startSlate({ webhookUrl: receiver.url, secret: SECRET })
  const { channel, webhook } = (await SLATE.open({ SLATE_URL: service.url, SLATE_SECRET: SECRET })) ?? {}
  if (!channel || !webhook) throw new Error('The slate is not configured.')
  const asked = (path: string) => service.requests.filter((one) => one.startsWith(path)).length
  return {
    ...{ channel, webhook, to: { channel: 'slate', chat: 'ada' } },
    seen: () => service.notes,
    says: (text) => service.tells({ kind: 'text', text }),
    presses(text) {
      const index = service.notes.findLastIndex(({ buttons }) => buttons.some(({ command }) => command === text))
      service.tells({ kind: 'button', text, replyTo: String(index + 1) })
    },
    reacts: () => service.tells({ kind: 'reaction' }),
    sendsSomethingWordless: () => service.tells({ kind: 'wordless', file: { name: 'this voice' } }),
    sendsFile: ({ name, bytes, type: mediaType, caption: text = '' }) =>
      service.tells({ kind: 'text', text, file: { name, mediaType, reference: service.keeps(bytes) } }),
    sendsPhoto: (bytes) =>
      service.tells({ kind: 'wordless', file: { name: 'photo', reference: service.keeps(bytes) } }),
    addressesAsked: () => asked('/address'),
    async delivered() {
      await service.settled()
      return receiver.received.map(deliveredOf)
    },
    fault: (kind) => service.failNext(kind),
    outage: (isOn) => void (service.state = isOn ? 'out' : 'well'),
    fileFault: (request) => service.failFile(request),
    leaves: () => void (service.state = 'left'),
    isAcknowledged: () => asked('/seen') > 0,
    close: async () => void (await Promise.all([service.close(), receiver.close()])),
  }
}

const deliveredOf = ({ headers, body }: { headers: object; body: string }) => ({
  headers: new Headers(headers as Record<string, string>),
  body: Buffer.from(body, 'latin1'),
})
