import { z } from 'zod'
import type { ChannelAdapter } from '../channels.ts'
import { base } from '../settings.ts'

const settings = {
  TELEGRAM_BOT_TOKEN: z
    .string()
    .regex(/^\d+:[\w-]+$/, 'is not a token of the form 123456:ABC…')
    .optional(),
  TELEGRAM_WEBHOOK_SECRET: z
    .string()
    .regex(/^[\w-]{1,256}$/, 'is not 1 to 256 letters, digits, dashes or underscores')
    .optional(),
  TELEGRAM_API_BASE_URL: base('https://api.telegram.org'),
  TELEGRAM_MODE: z.enum(['webhook', 'polling']).default('webhook'),
}

/** Telegram: updates come by webhook, or are fetched where nobody can reach the gateway. */
export const TELEGRAM: ChannelAdapter<typeof settings> = {
  name: 'telegram',
  title: 'Telegram',
  settings,
  missing({ TELEGRAM_BOT_TOKEN: token, TELEGRAM_WEBHOOK_SECRET: secret, TELEGRAM_MODE: mode }) {
    if (!token) return secret ? ['TELEGRAM_BOT_TOKEN'] : []
    return mode === 'polling' || secret ? [] : ['TELEGRAM_WEBHOOK_SECRET']
  },
  async open({ TELEGRAM_BOT_TOKEN: token, TELEGRAM_API_BASE_URL: apiUrl, TELEGRAM_MODE: mode, ...more }) {
    const { TELEGRAM_WEBHOOK_SECRET: secret } = more
    if (token === undefined) return undefined
    const [{ createTelegramChannel }, { pollTelegram }, { createTelegramWebhook }] = await Promise.all([
      import('./telegram-channel.ts'),
      import('./telegram-polling.ts'),
      import('./telegram-webhook.ts'),
    ])
    if (mode === 'polling')
      return {
        channel: createTelegramChannel({ token, apiUrl }),
        poll: (polling, signal) => pollTelegram({ token, apiUrl, ...polling }, signal),
      }
    return {
      channel: createTelegramChannel({ token, apiUrl, webhookSecret: secret }),
      ...(secret !== undefined && { webhook: createTelegramWebhook({ token, secret }) }),
    }
  },
}
