import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { ChannelAdapter } from '../../../../adapters/channels.ts'
import { brokenDownload, download, DOWNLOAD_LIMIT_MS } from '../../../../adapters/network/download.ts'
import type { ChatMessage } from '../../../../domain/chat/message.ts'
import type { Channel, ChannelWebhook, Delivery } from '../../../../domain/ports/channel.ts'

const settings = { SLATE_URL: z.url().optional(), SLATE_SECRET: z.string().optional() }

/** A third channel, which is this folder: all the gateway has to know of it. */
export const SLATE: ChannelAdapter<typeof settings> = {
  name: 'slate',
  title: 'Slate',
  settings,
  missing: ({ SLATE_URL: url, SLATE_SECRET: secret }) => (url && !secret ? ['SLATE_SECRET'] : []),
  async open({ SLATE_URL: url, SLATE_SECRET: secret = '' }) {
    return url === undefined ? undefined : { channel: channelAt(url), webhook: webhookWith(secret) }
  },
}

function channelAt(url: string): Channel {
  const put = async (method: 'POST' | 'PUT', path: string, note: object): Promise<Delivery> => {
    try {
      const response = await fetch(`${url}${path}`, { method, body: JSON.stringify(note) })
      if (response.status === 429)
        return { type: 'later', reason: '429', afterMs: Number(response.headers.get('retry-after')) * 1_000 }
      if (!response.ok) return { type: response.status >= 500 ? 'unknown' : 'refused', reason: `${response.status}` }
      return { type: 'sent', providerId: ((await response.json()) as { readonly id: string }).id }
    } catch (error) {
      const reason = String(((error as Error).cause as { readonly code?: unknown } | undefined)?.code)
      return { type: reason === 'ECONNREFUSED' ? 'later' : 'unknown', reason }
    }
  }
  return {
    name: SLATE.name,
    traits: {
      ...{ maxText: 2_000, maxTextWithButtons: 2_000, spanCost: () => 0, maxButtons: 9 },
      ...{ silence: true, edits: true, invites: false },
    },
    reconciliation: 'never',
    send: ({ text: { text }, buttons }) => put('POST', '/notes', { text, buttons }),
    edit: ({ text: { text }, buttons, providerId }) => put('PUT', `/notes/${providerId}`, { text, buttons }),
    async download({ reference }) {
      const signal = AbortSignal.timeout(DOWNLOAD_LIMIT_MS)
      try {
        const address = await fetch(`${url}/address/${encodeURIComponent(reference)}`, { signal })
        if (!address.ok) return { type: address.status === 404 ? 'gone' : 'later', reason: `${address.status}` }
        const { path } = (await address.json()) as { readonly path: string }
        return await download(new URL(path, url), { signal })
      } catch (error) {
        return brokenDownload(error)
      }
    },
    acknowledge: ({ id }) => fetch(`${url}/seen/${id}`, { method: 'POST' }).then(ignore, ignore),
    isWell: (signal) =>
      fetch(url, { signal }).then(
        ({ ok }) => ok,
        () => false,
      ),
    introduce: () => Promise.resolve(),
  }
}

const ignore = () => undefined

const EVENT = z.object({
  ...{ id: z.string(), at: z.number(), from: z.string(), text: z.string().default('') },
  kind: z.enum(['text', 'button', 'wordless']),
  ...{ replyTo: z.string().optional(), press: z.string().optional() },
  file: z.object({ name: z.string(), reference: z.string().optional(), mediaType: z.string().optional() }).optional(),
})

function webhookWith(secret: string): ChannelWebhook {
  const proofIn = (headers: { get(name: string): string | null }) => headers.get('x-hub-signature-256') ?? ''
  return {
    name: SLATE.name,
    hasProof: (headers) => proofIn(headers) !== '',
    isGenuine(headers, body) {
      const right = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`)
      const given = Buffer.from(proofIn(headers))
      return given.length === right.length && timingSafeEqual(given, right)
    },
    read(body) {
      const { data: event } = EVENT.safeParse(body)
      return { messages: event ? [messageOf(event)] : [], reports: [] }
    },
  }
}

function messageOf({ at: place, from, ...event }: z.output<typeof EVENT>): ChatMessage {
  return { channel: SLATE.name, chat: from, sender: { id: from }, isGroup: false, place, messageId: event.id, ...event }
}
