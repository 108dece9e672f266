import { z } from 'zod'
import type { ChannelAdapter } from '../channels.ts'
import { base, text } from '../settings.ts'

const NEEDED = {
  WHATSAPP_ACCESS_TOKEN: text,
  WHATSAPP_PHONE_NUMBER_ID: text,
  WHATSAPP_APP_SECRET: text,
  WHATSAPP_VERIFY_TOKEN: text,
}
const settings = {
  ...NEEDED,
  WHATSAPP_API_BASE_URL: base('https://graph.facebook.com'),
  WHATSAPP_TEMPLATE: z
    .string()
    .regex(/^[a-z0-9_]{1,512}:[a-z]{2,3}(_[A-Z]{2})?$/, 'is not name:language, like task_news:en_US')
    .transform((text) => {
      const [name = '', language = ''] = text.split(':')
      return { name, language }
    })
    .optional(),
}

/** WhatsApp's Cloud API: what people say comes by webhook. */
export const WHATSAPP: ChannelAdapter<typeof settings> = {
  name: 'whatsapp',
  title: 'WhatsApp',
  settings,
  missing(given) {
    const names = Object.keys(NEEDED)
    return names.some((name) => given[name]) ? names.filter((name) => !given[name]) : []
  },
  async open({ WHATSAPP_ACCESS_TOKEN: accessToken, WHATSAPP_APP_SECRET: appSecret, ...more }) {
    const { WHATSAPP_VERIFY_TOKEN: verifyToken = '', WHATSAPP_PHONE_NUMBER_ID: phoneNumberId = '' } = more
    if (accessToken === undefined || appSecret === undefined) return undefined
    const [{ createWhatsAppChannel }, { createWhatsAppWebhook }] = await Promise.all([
      import('./whatsapp-channel.ts'),
      import('./whatsapp-webhook.ts'),
    ])
    const { WHATSAPP_API_BASE_URL: apiUrl, WHATSAPP_TEMPLATE: template } = more
    return {
      channel: createWhatsAppChannel({ accessToken, phoneNumberId, apiUrl, template }),
      webhook: createWhatsAppWebhook({ appSecret, verifyToken, phoneNumberId }),
    }
  },
}
