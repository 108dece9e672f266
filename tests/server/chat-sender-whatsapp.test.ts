import type { Client } from '@temporalio/client'
import pg from 'pg'
import { pino } from 'pino'
import { beforeEach, describe, expect, it } from 'vitest'
import { createWhatsAppChannel } from '../../adapters/whatsapp/whatsapp-channel.ts'
import { createWhatsAppWebhook } from '../../adapters/whatsapp/whatsapp-webhook.ts'
import type { ChatMessage } from '../../domain/chat/message.ts'
import { plain } from '../../domain/chat/styled-text.ts'
import type { Channel } from '../../domain/ports/channel.ts'
import type { Store } from '../../domain/ports/store.ts'
import { startWhatsAppSimulator, type WhatsAppSimulator } from '../../simulators/whatsapp/server.ts'
import { createChatInbox } from '../../workers/chat/inbox.ts'
import { chatMessage, messagePost, numbered, received } from '../support/chat/messages.ts'
import { useSending } from '../support/chat/sending.ts'
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts'

/** Statuses wake no conversation. */
const NOBODY = {} as Client
const WITHIN = { timeout: 40_000, interval: 50 }
const sending = useSending()
let store: Store
beforeEach(() => {
  store = sending().store
})
const counts = () => expect.poll(() => store.outbox.counts(), WITHIN)
/** Asks the database itself. */
const query = async (sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> => {
  const database = new pg.Client({ connectionString: sending().url })
  await database.connect()
  try {
    return (await database.query<Record<string, unknown>>(sql)).rows
  } finally {
    await database.end()
  }
}

describe('messages to WhatsApp', () => {
  const PHONE = '491701234567'
  let simulator: WhatsAppSimulator
  let conversation: string
  /** Whether reports come through. */
  let isReached: boolean
  let log: string[]
  let heard: ChatMessage[]
  const begin = async (
    options: Partial<Parameters<typeof startWhatsAppSimulator>[0]> = {},
    template?: { readonly name: string; readonly language: string },
  ) => {
    isReached = true
    log = []
    heard = []
    const webhook = createWhatsAppWebhook({ appSecret: 's', verifyToken: 'v', phoneNumberId: '106540352242922' })
    const channels = new Map<string, Channel>()
    const inbox = createChatInbox({
      ...{ store, channels, client: NOBODY, access: { mode: 'open' } },
      logger: pino({ level: 'warn' }, { write: (line) => void log.push(line) }),
    })
    const receiver: WebhookReceiver = await startReceiver(async ({ body }) => {
      if (!isReached) return { status: 502 }
      const { messages, ...rest } = webhook.read(JSON.parse(body))
      heard.push(...messages)
      await inbox.take({ ...rest, messages: [] })
      return {}
    })
    simulator = await startWhatsAppSimulator({ webhookUrl: receiver.url, appSecret: 's', ...options })
    sending().ends(simulator, receiver)
    simulator.user(PHONE).says('hello')
    const { token: accessToken, phoneNumberId, url: apiUrl } = simulator
    conversation = await received(store, chatMessage({ channel: 'whatsapp', chat: PHONE }))
    channels.set('whatsapp', createWhatsAppChannel({ accessToken, phoneNumberId, apiUrl, template }))
    sending().start(...channels.values())
  }
  const seen = () =>
    simulator.ledger
      .conversation(PHONE)
      .filter(({ from }) => from === 'business')
      .map(({ text }) => text)

  it('whose answer was lost are found again by their status, and are not sent twice', async () => {
    await begin()
    simulator.failNext('reset-after')
    await store.outbox.post(numbered(conversation, 3))
    await counts().toEqual({ sent: 3 })
    expect(seen()).toEqual(['0', '1', '2'])
  })

  const DOUBTFUL = `state = 'sending' and due_at < 'infinity'`
  /** Seconds until the message in doubt is sent again. */
  const patience = () =>
    expect.poll(async () => {
      const waits = await query(`select extract(epoch from due_at - now())::float8 as s from outbox where ${DOUBTFUL}`)
      return Number(waits[0]?.['s'] ?? Number.NaN)
    }, WITHIN)
  /** As if that time were over. */
  const nothingIsReported = async (more = '') => {
    await query(`update outbox set due_at = now()${more} where ${DOUBTFUL}`)
    await query(`select pg_notify('task_event', 'outbox')`)
  }

  it('that never arrived are sent again once no status has come', async () => {
    await begin()
    simulator.failNext('reset-before')
    await store.outbox.post(numbered(conversation, 2))
    await patience().toBeGreaterThan(30)
    await nothingIsReported()
    await counts().toEqual({ sent: 2 })
    expect(seen()).toEqual(['0', '1'])
  })

  it('whose reports come late are waited for; what was sent again meanwhile is counted and logged as doubled', async () => {
    await begin({ retries: { waitMs: () => 100 } })
    const taken = (count: number) => expect.poll(seen, WITHIN).toHaveLength(count)
    isReached = false
    simulator.failNext('reset-after', { times: 3 })
    await store.outbox.post([messagePost(conversation, { id: 'waited-for', text: plain('0') })])
    await taken(1)
    await patience().toBeGreaterThan(30)
    isReached = true
    await counts().toEqual({ sent: 1 })
    isReached = false
    await store.outbox.post([messagePost(conversation, { id: 'repeated', text: plain('1') })])
    await taken(2)
    await patience().toBeGreaterThan(30)
    await nothingIsReported()
    await taken(3)
    isReached = true
    await counts().toEqual({ sent: 2, doubled: 1 })
    await simulator.settled()
    expect(seen()).toEqual(['0', '1', '1'])
    expect(log.map((line) => JSON.parse(line) as object)).toMatchObject([
      { code: 'delivery_doubled', post: 'repeated' },
    ])
  })

  it('that the service never takes are tried more and more seldom, hold up nobody else, and end unknown', async () => {
    await begin()
    simulator.user('491700000002').says('hello')
    const other = await received(store, chatMessage({ channel: 'whatsapp', chat: '491700000002' }))
    simulator.failNext('internal', { times: 3, kind: 'interactive' })
    const poison = messagePost(conversation, { id: 'poison', buttons: [{ title: 'Go', command: '/go' }] })
    await store.outbox.post([poison, ...numbered(conversation, 1), ...numbered(other, 1)])
    await counts().toEqual({ sending: 1, pending: 1, sent: 1 })
    await patience().toBeGreaterThan(20)
    await nothingIsReported()
    await patience().toBeGreaterThan(50)
    await nothingIsReported(`, created_at = now() - interval '73 hours'`)
    await counts().toEqual({ unknown: 1, sent: 2 })
    expect(sending().sender?.unknown).toEqual(['poison'])
    expect(seen()).toEqual(['0'])
  })

  it('in flight when the gateway was killed are sent again once a report missed meanwhile would have come again', async () => {
    await begin()
    await sending().sender?.stop()
    await store.outbox.post(numbered(conversation, 1))
    await store.outbox.claim('whatsapp')
    // The service repeats a report after half a minute at first: at most as long again as it has tried, and that once more.
    for (const awayMs of [5_000, 600_000]) {
      await query(`update outbox set claimed_at = now() - interval '${awayMs} milliseconds'`)
      const apiUrl = 'http://127.0.0.1:9'
      const sender = sending().start(createWhatsAppChannel({ accessToken: 'a', phoneNumberId: '1', apiUrl }))
      const due = () => store.outbox.dueInMs('whatsapp')
      await expect.poll(due, WITHIN).toBeGreaterThan(awayMs + 30_000)
      expect(await due()).toBeLessThan(awayMs + 40_000)
      await sender.stop()
    }
  })

  it('reach somebody whose number nobody is told, by the id that is', async () => {
    await begin()
    const id = 'US.13491208655302741918'
    simulator.user(id).says('hello')
    await expect.poll(() => heard.at(-1)?.chat, WITHIN).toBe(id)
    const there = await received(store, heard.at(-1) as ChatMessage)
    await store.outbox.post([...numbered(there, 1), messagePost(there, { buttons: [{ title: 'Go', command: '/go' }] })])
    await counts().toEqual({ sent: 2 })
    expect(simulator.ledger.conversation(id).slice(1)).toMatchObject([{ text: '0' }, { text: 'hello' }])
    const bodies = simulator.ledger.requests.flatMap(({ body }) => (body === '' ? [] : [JSON.parse(body) as object]))
    expect(bodies).toMatchObject([{ recipient: id }, { recipient: id }])
    expect(bodies.filter((body) => 'to' in body)).toEqual([])
  })

  it('go on at the piece that was too fast', async () => {
    await begin({ limits: { pair: true } })
    await store.outbox.post(numbered(conversation, 2))
    await counts().toEqual({ sent: 2 })
    expect(seen()).toEqual(['0', '1'])
  })

  it.each(['refuse', 'fail-later'] as const)(
    'after a day of silence (%s) wait until the person writes',
    async (window) => {
      let ahead = 0
      await begin({ window, now: () => Date.now() + ahead })
      ahead = 25 * 3_600_000
      await store.outbox.post(numbered(conversation, 1))
      await counts().toEqual({ pending: 1 })
      simulator.user(PHONE).says('back again')
      await received(store, chatMessage({ channel: 'whatsapp', chat: PHONE }))
      await counts().toEqual({ sent: 1 })
      expect(seen()).toEqual(['0'])
    },
  )

  it.each(['refuse', 'fail-later'] as const)(
    'after a day of silence (%s) are announced once by the template, and sent when the person has written',
    async (window) => {
      const template = { name: 'task_news', language: 'en_US' }
      const templates = [{ ...template, body: 'There is news: {{1}} Write anything to read it.' }]
      let ahead = 0
      await begin({ window, templates, now: () => Date.now() + ahead }, template)
      ahead = 25 * 3_600_000
      await store.outbox.post([messagePost(conversation, { text: plain('✅ Fixed the login\nin full') })])
      await store.outbox.post(numbered(conversation, 1))
      await counts().toEqual({ pending: 2, sent: 1 })
      // Which of the two is refused first is the service's choice.
      expect(seen()).toEqual([
        expect.stringMatching(/^There is news: (✅ Fixed the login|0) Write anything to read it\.$/),
      ])
      simulator.user(PHONE).says('back again')
      await received(store, chatMessage({ channel: 'whatsapp', chat: PHONE }))
      await counts().toEqual({ sent: 3 })
      expect(seen().slice(1)).toEqual(['✅ Fixed the login\nin full', '0'])
    },
  )

  it.each(['reset-before', 'reset-after'] as const)(
    'are announced once by a template whose answer was lost (%s)',
    async (fault) => {
      const template = { name: 'task_news', language: 'en_US' }
      let ahead = 0
      await begin({ templates: [{ ...template, body: 'News: {{1}}.' }], now: () => Date.now() + ahead }, template)
      ahead = 25 * 3_600_000
      simulator.failNext(fault, { kind: 'template' })
      await store.outbox.post(numbered(conversation, 1))
      if (fault === 'reset-before') {
        await patience().toBeGreaterThan(30)
        await nothingIsReported()
      }
      await counts().toEqual({ pending: 1, sent: 1 })
      expect(seen()).toEqual(['News: 0.'])
    },
  )

  it('to whom a template cannot be sent wait as well', async () => {
    let ahead = 0
    await begin({ now: () => Date.now() + ahead }, { name: 'unknown', language: 'en' })
    ahead = 25 * 3_600_000
    await store.outbox.post(numbered(conversation, 1))
    await counts().toEqual({ pending: 1, failed: 1 })
    expect(seen()).toEqual([])
  })
})
