import { afterEach, beforeEach, expect, it } from 'vitest'
import { createWhatsAppChannel } from '../../adapters/whatsapp/whatsapp-channel.ts'
import { createWhatsAppWebhook } from '../../adapters/whatsapp/whatsapp-webhook.ts'
import type { MessageFile } from '../../domain/chat/message.ts'
import { startWhatsAppSimulator, type WhatsAppSimulator } from '../../simulators/whatsapp/server.ts'
import { openTestDesk, type TestDesk } from '../support/chat/desk.ts'
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts'

const PHONE = '491701234567'
let receiver: WebhookReceiver
let whatsapp: WhatsAppSimulator
let desk: TestDesk
beforeEach(async () => {
  receiver = await startReceiver()
  whatsapp = await startWhatsAppSimulator({ webhookUrl: receiver.url, appSecret: 'secret' })
  const { token: accessToken, phoneNumberId, url: apiUrl } = whatsapp
  const { download } = createWhatsAppChannel({ accessToken, phoneNumberId, apiUrl })
  desk = await openTestDesk({ channel: { download } })
  await desk.link()
})
afterEach(() => Promise.all([desk.close(), whatsapp.close(), receiver.close()]))

/** A file as the service's webhook names it. */
async function sent(wrongDigest?: 'message' | 'address'): Promise<MessageFile | undefined> {
  const file = { filename: 'log.txt', mimeType: 'text/plain', bytes: Buffer.from('boom at line 7') }
  whatsapp.user(PHONE).sends({ type: 'document', ...file, ...(wrongDigest && { wrongDigest }) })
  await whatsapp.settled()
  const { phoneNumberId } = whatsapp
  const webhook = createWhatsAppWebhook({ appSecret: 'secret', verifyToken: 'v', phoneNumberId })
  return receiver.bodies().flatMap((body) => webhook.read(body).messages)[0]?.file
}

/** What the model of the newest task is shown of files. */
async function shown(): Promise<string> {
  const [task] = await desk.tasks()
  const { attachments } = desk.store
  return JSON.stringify(await attachments.parts(await attachments.unread(task?.id ?? '')))
}

it('a file that arrives as WhatsApp says it was sent is taken', async () => {
  expect(await desk.says('fix this', { file: await sent() })).toEqual([])
  expect(await shown()).toContain('boom at line 7')
})

it.each(['message', 'address'] as const)(
  'a file that is not what WhatsApp told with its %s is refused, and its words count',
  async (where) => {
    const [hint] = await desk.says('fix this', { file: await sent(where) })
    expect(hint?.text).toBe('log.txt did not arrive as it was sent. Send it again. Your words count without it.')
    expect(await shown()).toBe('[]')
  },
)
