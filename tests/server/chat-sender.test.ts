import pg from 'pg'
import { beforeEach, describe, expect, inject, it } from 'vitest'
import { createTelegramChannel } from '../../adapters/telegram/telegram-channel.ts'
import { plain } from '../../domain/chat/styled-text.ts'
import type { Channel } from '../../domain/ports/channel.ts'
import type { Store } from '../../domain/ports/store.ts'
import { startTelegramSimulator, type TelegramSimulator } from '../../simulators/telegram/server.ts'
import { chatMessage, messagePost, numbered, received } from '../support/chat/messages.ts'
import { startSender, useSending } from '../support/chat/sending.ts'

const WITHIN = { timeout: 40_000, interval: 50 }
const sending = useSending()
let store: Store
beforeEach(() => {
  store = sending().store
})
const counts = () => expect.poll(() => store.outbox.counts(), WITHIN)
describe('messages to Telegram', () => {
  let simulator: TelegramSimulator
  let channel: Channel
  let conversation: string
  const begin = async (options: Parameters<typeof startTelegramSimulator>[0] = {}) => {
    simulator = await startTelegramSimulator(options)
    sending().ends(simulator)
    simulator.user(1001).says('hello')
    simulator.user(1002).says('hello')
    channel = createTelegramChannel({ token: simulator.token, apiUrl: simulator.url })
    conversation = await received(store, chatMessage())
  }
  const start = () => sending().start(channel)
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
    expect(sending().sender?.unknown).toEqual([posts[0]?.id])
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
    const database = new URL(sending().url).pathname.slice(1)
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
    sending().start(counted)
    await expect.poll(async () => (await store.outbox.counts())['pending'] ?? 0, WITHIN).toBe(0)
    expect(most).toBe(2)
  })
})
