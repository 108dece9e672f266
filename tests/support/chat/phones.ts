import { startTelegramSimulator } from '../../../simulators/telegram/server.ts'
import { startWhatsAppSimulator } from '../../../simulators/whatsapp/server.ts'
import { startReceiver } from '../webhook-receiver.ts'
import { startLiveChat, type LiveChat } from './live.ts'

const PHONE = '491701234567'
const ZIP = { bytes: Buffer.from('PK\u0003\u0004\0'), type: 'application/zip' }

/** A person with a phone that rings. */
export interface Phone {
  readonly chat: LiveChat
  sendsZip(name: string, caption: string): void
  says(text: string): void
  /** Sends something the gateway has no words for. */
  sendsSomethingUnreadable(): void
  /** What it shows of the gateway. */
  texts(): readonly string[]
  rings(): number
  /** Lets so much time go by at the service. */
  waits?(ms: number): void
  close(): Promise<void>
}

/** One with Telegram. */
export async function telegramPhone(): Promise<Phone> {
  const simulator = await startTelegramSimulator()
  const chat = await startLiveChat({
    ...{ TELEGRAM_BOT_TOKEN: simulator.token, TELEGRAM_API_BASE_URL: simulator.url, TELEGRAM_MODE: 'polling' },
  })
  const ada = simulator.user(1001)
  return {
    chat,
    sendsZip: (name, caption) => void ada.sendsFile({ name, caption, ...ZIP }),
    says: (text) => void ada.says(text),
    sendsSomethingUnreadable: () => void ada.sends({ dice: { emoji: '🎲', value: 6 } }),
    texts: () =>
      simulator.ledger
        .chat(1001)
        .filter(({ from }) => from === 'bot')
        .map(({ text }) => text),
    rings: () =>
      simulator.ledger.calls.filter(
        ({ method, parameters }) => method === 'sendMessage' && parameters['disable_notification'] !== 'true',
      ).length,
    async close() {
      await chat.close()
      await simulator.close()
    },
  }
}

/** One with WhatsApp, which brings everything three times; with a template where the business has one. */
export async function whatsappPhone(template?: { readonly name: string; readonly language: string }): Promise<Phone> {
  let ahead = 0
  const receiver = await startReceiver(async ({ body }) => {
    const [webhook] = chat.webhooks.channels
    await chat.webhooks.take(webhook?.read(JSON.parse(Buffer.from(body, 'latin1').toString('utf8'))) as never)
    return {}
  })
  const simulator = await startWhatsAppSimulator({
    ...{ webhookUrl: receiver.url, appSecret: 's', now: () => Date.now() + ahead, delivery: { copies: 3 } },
    ...(template && { templates: [{ ...template, body: 'There is news: {{1}}' }] }),
  })
  const chat = await startLiveChat({
    ...{ WHATSAPP_ACCESS_TOKEN: simulator.token, WHATSAPP_PHONE_NUMBER_ID: simulator.phoneNumberId },
    ...{ WHATSAPP_APP_SECRET: 's', WHATSAPP_VERIFY_TOKEN: 'v', WHATSAPP_API_BASE_URL: simulator.url },
    ...(template && { WHATSAPP_TEMPLATE: `${template.name}:${template.language}` }),
  })
  const eve = simulator.user(PHONE)
  return {
    chat,
    sendsZip: (filename, caption) =>
      void eve.sends({ type: 'document', filename, caption, bytes: ZIP.bytes, mimeType: ZIP.type }),
    says: (text) => void eve.says(text),
    sendsSomethingUnreadable: () => void eve.sends({ type: 'unsupported' }),
    texts: () =>
      simulator.ledger
        .conversation(PHONE)
        .filter(({ from }) => from === 'business')
        .map(({ text }) => text),
    rings: () => simulator.ledger.newMessages(PHONE),
    waits: (ms) => (ahead += ms),
    async close() {
      await simulator.close()
      await chat.close()
      await receiver.close()
    },
  }
}
