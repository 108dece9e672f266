import type { Client } from '@temporalio/client'
import pg from 'pg'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { createTelegramChannel } from '../../adapters/telegram/telegram-channel.ts'
import { createWhatsAppChannel } from '../../adapters/whatsapp/whatsapp-channel.ts'
import { createWhatsAppWebhook } from '../../adapters/whatsapp/whatsapp-webhook.ts'
import { openStore } from '../../adapters/postgres/store.ts'
import { plain } from '../../domain/chat/styled-text.ts'
import type { Channel } from '../../domain/ports/channel.ts'
import type { Post } from '../../domain/ports/outbox.ts'
import type { Store } from '../../domain/ports/store.ts'
import { startTelegramSimulator, type TelegramSimulator } from '../../simulators/telegram/server.ts'
import { startWhatsAppSimulator, type WhatsAppSimulator } from '../../simulators/whatsapp/server.ts'
import { chatMessage, messagePost, received } from '../support/chat/messages.ts'
import { startSender, type RunningSender } from '../support/chat/sending.ts'
import { createChatInbox } from '../../workers/chat/inbox.ts'
import { freshDatabase } from '../support/database.ts'
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts'

/** Statuses wake no conversation. */
const NOBODY = {} as Client
const WITHIN = { timeout: 40_000, interval: 50 }
let url: string
let store: Store
let sender: RunningSender | undefined
const open: { close(): Promise<void> }[] = []
beforeEach(async () => {
  url = await freshDatabase()
  store = await openStore({ url, connections: 6 })
})
afterEach(async () => {
  await sender?.stop()
  expect(sender?.failures ?? []).toEqual([])
  sender = undefined
  await Promise.all(open.splice(0).map((one) => one.close()))
  await store.close()
})

/** Asks the database itself. */
const query = async (sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> => {
  const database = new pg.Client({ connectionString: url })
  await database.connect()
  try {
    return (await database.query<Record<string, unknown>>(sql)).rows
  } finally {
    await database.end()
  }
}
const counts = () => expect.poll(() => store.outbox.counts(), WITHIN)
const numbered = (conversation: string, count: number, about: { readonly taskId?: string } = {}): readonly Post[] =>
  Array.from({ length: count }, (_, index) => messagePost(conversation, { text: plain(`${index}`), ...about }))

describe('messages to Telegram', () => {
  let simulator: TelegramSimulator
  let channel: Channel
  let conversation: string
  const begin = async (options: Parameters<typeof startTelegramSimulator>[0] = {}) => {
    simulator = await startTelegramSimulator(options)
    open.push(simulator)
    simulator.user(1001).says('hello')
    simulator.user(1002).says('hello')
    channel = createTelegramChannel({ token: simulator.token, apiUrl: simulator.url })
    conversation = await received(store, chatMessage())
  }
  const start = () => (sender = startSender(store, [channel]))
  const seen = (chat = 1001) =>
    simulator.ledger
      .chat(chat)
      .filter(({ from }) => from === 'bot')
      .map(({ text }) => text)

  it('arrive once each, in order, also when the service is busy in between', async () => {
    await begin()
    const other = await received(store, chatMessage({ chat: '1002' }))
    simulator.failNext('rate-limited', { times: 2, method: 'sendMessage' })
    await store.outbox.post([...numbered(conversation, 6), ...numbered(other, 6)])
    start()
    await counts().toEqual({ sent: 12 })
    const expected = ['0', '1', '2', '3', '4', '5']
    expect([seen(), seen(1002)]).toEqual([expected, expected])
  })

  it('wait for a service that was away, and arrive then', async () => {
    await begin()
    const { token, url } = simulator
    const dead = createTelegramChannel({ token, apiUrl: 'http://127.0.0.1:9' })
    await store.outbox.post(numbered(conversation, 2))
    const early = startSender(store, [dead])
    await counts().toEqual({ pending: 2 })
    await early.stop()
    channel = createTelegramChannel({ token, apiUrl: url })
    start()
    await counts().toEqual({ sent: 2 })
    expect(seen()).toEqual(['0', '1'])
  })

  it('whose answer was lost are unknown and counted, never sent again; the card says so', async () => {
    await begin()
    await store.outbox.post([
      messagePost(conversation, { id: 'task-1/card', text: plain('the card'), taskId: 'task-1' }),
    ])
    start()
    await counts().toEqual({ sent: 1 })
    simulator.failNext('reset-after', { method: 'sendMessage' })
    const posts = numbered(conversation, 2, { taskId: 'task-1' })
    await store.outbox.post(posts)
    await counts().toEqual({ sent: 3, unknown: 1 })
    expect(seen()).toEqual([expect.stringContaining('/status task-1'), '0', '1'])
    expect(sender?.unknown).toEqual([posts[0]?.id])
    expect(await store.outbox.counts({ taskId: 'task-1' })).toEqual({ sent: 2, unknown: 1 })
  })

  it.each([
    ['internal', ['1']],
    ['internal-after', ['0', '1']],
    ['bad-gateway', ['1']],
  ] as const)(
    'that the service answered with an error of its own (%s) may have arrived: unknown',
    async (fault, shown) => {
      await begin()
      simulator.failNext(fault, { method: 'sendMessage' })
      await store.outbox.post(numbered(conversation, 2))
      start()
      await counts().toEqual({ sent: 1, unknown: 1 })
      expect(seen()).toEqual(shown)
    },
  )

  it('are held back while the service is unwell, instead of being lost to doubt one after another', async () => {
    await begin()
    simulator.failNext('internal', { times: 3, method: 'sendMessage' })
    const chats = await Promise.all(['1', '2', '3', '4', '5'].map((chat) => received(store, chatMessage({ chat }))))
    for (const chat of [1, 2, 3, 4, 5]) simulator.user(chat).says('hello')
    await store.outbox.post(chats.flatMap((chat) => numbered(chat, 1)))
    const begun = Date.now()
    start()
    await counts().toEqual({ sent: 2, unknown: 3 })
    // Half a second, a whole one, two: two messages at a time meet the first of these.
    expect(Date.now() - begun).toBeGreaterThan(1_000)
  })

  it('during an outage of hours wait and arrive once, in order, but for those on their way when it began', async () => {
    await begin()
    const others = await Promise.all(['1002', '1003'].map((chat) => received(store, chatMessage({ chat }))))
    simulator.user(1003).says('hello')
    const probes = (status: number) =>
      expect.poll(
        () => simulator.ledger.calls.filter((call) => call.method === 'getMe' && call.status === status).length,
        WITHIN,
      )
    const first = startSender(store, [channel])
    await probes(200).toBe(1)
    simulator.outage('bad-gateway')
    await store.outbox.post([conversation, ...others].flatMap((chat) => numbered(chat, 8)))
    await probes(502).toBeGreaterThan(2)
    await first.stop()
    // A gateway that is started meanwhile does not try its luck either.
    start()
    await probes(502).toBeGreaterThan(4)
    const { unknown = 0, pending } = await store.outbox.counts()
    expect([1, 2]).toContain(unknown)
    expect(pending).toBe(24 - unknown)
    simulator.outage(undefined)
    await counts().toEqual({ unknown, sent: 24 - unknown })
    const all = ['0', '1', '2', '3', '4', '5', '6', '7']
    const missing = [1001, 1002, 1003].flatMap((chat) => {
      const shown = seen(chat)
      expect(shown).toEqual(all.slice(8 - shown.length))
      return all.slice(0, 8 - shown.length)
    })
    expect(missing).toHaveLength(unknown)
  })

  it('whose store was away when the service had answered are sent, once', async () => {
    await begin()
    const database = new URL(url).pathname.slice(1)
    const admin = new pg.Client({ connectionString: inject('postgresUrl') })
    await admin.connect()
    const away = async (isAway: boolean) => {
      await admin.query(`alter database ${database} allow_connections ${isAway ? 'false' : 'true'}`)
      await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [database])
    }
    const cut: Channel = {
      ...channel,
      async send(message) {
        const delivery = await channel.send(message)
        if (seen().length > 1) return delivery
        await away(true)
        setTimeout(() => void away(false), 1_000)
        return delivery
      },
    }
    await store.outbox.post(numbered(conversation, 2))
    const troubled = startSender(store, [cut])
    await expect.poll(() => seen(), WITHIN).toEqual(['0', '1'])
    await counts().toEqual({ sent: 2 })
    await troubled.stop()
    expect(troubled.failures.length).toBeGreaterThan(0)
    await admin.end()
  })

  it('that were taken and never sent hold up nobody for long', async () => {
    await begin()
    let isLost = false
    const outbox: Store['outbox'] = {
      ...store.outbox,
      async claim(target) {
        const claimed = await store.outbox.claim(target)
        if (isLost || !claimed) return claimed
        isLost = true
        throw new Error('the answer of the database was lost')
      },
    }
    await store.outbox.post(numbered(conversation, 2))
    const troubled = startSender({ ...store, outbox }, [channel])
    await counts().toEqual({ sent: 1, unknown: 1 })
    expect(seen()).toEqual(['1'])
    await troubled.stop()
  })

  it('in flight when the gateway was killed are unknown to its successor, and edits are done again', async () => {
    await begin()
    await store.outbox.post([messagePost(conversation, { id: 'card', text: plain('card') })])
    const claimed = await store.outbox.claim('telegram')
    const sent = await channel.send({
      to: { channel: 'telegram', chat: '1001' },
      reference: 'card',
      text: plain('card'),
      buttons: [],
      silent: true,
    })
    await store.outbox.settle({
      id: 'card',
      attempt: claimed?.attempt ?? 0,
      outcome: { ...sent, state: 'sent' } as never,
    })
    await store.outbox.post([
      { type: 'edit', id: 'card/edit', of: 'card', conversation, text: plain('changed'), buttons: [] },
      messagePost(conversation, { id: 'end' }),
    ])
    await store.outbox.claim('telegram')
    await store.outbox.claim('telegram')
    start()
    await counts().toEqual({ sent: 2, unknown: 1 })
    expect(seen()).toEqual(['changed'])
  })

  it('to somebody who blocked the bot fail, and hold nobody else up', async () => {
    await begin()
    simulator.user(1001).blocks()
    const other = await received(store, chatMessage({ chat: '1002' }))
    await store.outbox.post([...numbered(conversation, 2), ...numbered(other, 1)])
    start()
    await counts().toEqual({ failed: 2, sent: 1 })
    expect(seen(1002)).toEqual(['0'])
  })

  it('follow a group that moved', async () => {
    await begin()
    const group = simulator.group()
    const there = await received(store, chatMessage({ chat: String(group.id), isGroup: true }))
    const moved = group.migrates()
    await store.outbox.post(numbered(there, 1))
    start()
    await counts().toEqual({ sent: 1 })
    expect(seen(moved)).toEqual(['0'])
    expect((await store.chats.conversation(there)).address.chat).toBe(String(moved))
  })

  it('are kept at the pace the service asks for', async () => {
    await begin({ rateLimits: true })
    await store.outbox.post(numbered(conversation, 3))
    start()
    await counts().toEqual({ sent: 3 })
    expect(seen()).toEqual(['0', '1', '2'])
  })

  it('are changed at most once a second, and end as the newest', async () => {
    await begin()
    await store.outbox.post([messagePost(conversation, { id: 'card', text: plain('0') })])
    start()
    for (let step = 1; step <= 25; step++) {
      await store.outbox.post([
        { type: 'edit', id: 'card/edit', of: 'card', conversation, text: plain(`${step}`), buttons: [] },
      ])
      await new Promise((resolve) => setTimeout(resolve, 80))
    }
    await expect.poll(() => seen(), WITHIN).toEqual(['25'])
    const edits = simulator.ledger.calls
      .filter(({ method }) => method === 'editMessageText')
      .map(({ at }) => Date.parse(at))
    expect(edits.length).toBeGreaterThan(1)
    const gaps = edits.slice(1).map((at, index) => at - (edits[index] ?? 0))
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(950)
  })

  it('are at most two at a time', async () => {
    await begin()
    let [now, most] = [0, 0]
    const counted: Channel = {
      ...channel,
      async send(message) {
        most = Math.max(most, ++now)
        await new Promise((resolve) => setTimeout(resolve, 30))
        return channel.send(message).finally(() => now--)
      },
    }
    const chats = await Promise.all(['1', '2', '3', '4', '5'].map((chat) => received(store, chatMessage({ chat }))))
    await store.outbox.post(chats.flatMap((chat) => numbered(chat, 2)))
    sender = startSender(store, [counted])
    await expect.poll(async () => (await store.outbox.counts())['pending'] ?? 0, WITHIN).toBe(0)
    expect(most).toBe(2)
  })
})

describe('messages to WhatsApp', () => {
  const PHONE = '491701234567'
  let simulator: WhatsAppSimulator
  let conversation: string
  const begin = async (
    options: Partial<Parameters<typeof startWhatsAppSimulator>[0]> = {},
    template?: { readonly name: string; readonly language: string },
  ) => {
    const webhook = createWhatsAppWebhook({ appSecret: 's', verifyToken: 'v', phoneNumberId: '106540352242922' })
    const inbox = createChatInbox({
      ...{ store, client: NOBODY, channels: new Map(), access: { mode: 'open' } },
      logger: pino({ enabled: false }),
      invites: template !== undefined,
    })
    const receiver: WebhookReceiver = await startReceiver(async ({ body }) => {
      await inbox.take({ ...webhook.read(JSON.parse(body)), messages: [] })
      return {}
    })
    simulator = await startWhatsAppSimulator({ webhookUrl: receiver.url, appSecret: 's', ...options })
    open.push(simulator, receiver)
    simulator.user(PHONE).says('hello')
    const { token: accessToken, phoneNumberId, url: apiUrl } = simulator
    conversation = await received(store, chatMessage({ channel: 'whatsapp', chat: PHONE }))
    sender = startSender(store, [createWhatsAppChannel({ accessToken, phoneNumberId, apiUrl, template })])
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
    expect(sender?.unknown).toEqual(['poison'])
    expect(seen()).toEqual(['0'])
  })

  it('in flight when the gateway was killed are sent again once a report missed meanwhile would have come again', async () => {
    await begin()
    await sender?.stop()
    await store.outbox.post(numbered(conversation, 1))
    await store.outbox.claim('whatsapp')
    // The service repeats a report after half a minute at first: at most as long again as it has tried, and that once more.
    for (const awayMs of [5_000, 600_000]) {
      await query(`update outbox set claimed_at = now() - interval '${awayMs} milliseconds'`)
      sender = startSender(store, [
        createWhatsAppChannel({ accessToken: 'a', phoneNumberId: '1', apiUrl: 'http://127.0.0.1:9' }),
      ])
      const due = () => store.outbox.dueInMs('whatsapp')
      await expect.poll(due, WITHIN).toBeGreaterThan(awayMs + 30_000)
      expect(await due()).toBeLessThan(awayMs + 40_000)
      await sender.stop()
    }
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

  it('to whom a template cannot be sent wait as well', async () => {
    let ahead = 0
    await begin({ now: () => Date.now() + ahead }, { name: 'unknown', language: 'en' })
    ahead = 25 * 3_600_000
    await store.outbox.post(numbered(conversation, 1))
    await counts().toEqual({ pending: 1, failed: 1 })
    expect(seen()).toEqual([])
  })
})
