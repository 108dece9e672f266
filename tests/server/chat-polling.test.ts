import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { pollTelegram } from '../../adapters/telegram/telegram-polling.ts'
import type { Received } from '../../domain/ports/channel.ts'
import { openStore } from '../../adapters/postgres/store.ts'
import type { Store } from '../../domain/ports/store.ts'
import { startTelegramSimulator, type TelegramSimulator } from '../../simulators/telegram/server.ts'
import { whileLeading } from '../../workers/while-leading.ts'
import { freshDatabase } from '../support/database.ts'

const WITHIN = { timeout: 20_000, interval: 50 }
let simulator: TelegramSimulator
let stopping: AbortController
let running: Promise<unknown>[]
let taken: string[]
let failures: string[]
beforeEach(async () => {
  simulator = await startTelegramSimulator()
  stopping = new AbortController()
  running = []
  taken = []
  failures = []
})
afterEach(async () => {
  stopping.abort()
  await Promise.all(running)
  await simulator.close()
})

type Take = (received: Received) => Promise<void>
const note: Take = async ({ messages }) => void taken.push(...messages.map(({ text }) => text))

const poll = (signal: AbortSignal, take = note) =>
  pollTelegram(
    { token: simulator.token, apiUrl: simulator.url, take, onFailure: (reason) => void failures.push(reason) },
    signal,
  )

describe('updates that are fetched', () => {
  it('arrive once each, in order, as they are said', async () => {
    const ada = simulator.user(1)
    ada.says('one')
    running.push(poll(stopping.signal))
    await expect.poll(() => taken, WITHIN).toEqual(['one'])
    ada.says('two')
    ada.says('three')
    await expect.poll(() => taken, WITHIN).toEqual(['one', 'two', 'three'])
    expect(failures).toEqual([])
  })

  it('are confirmed only when they are durable', async () => {
    simulator.user(1).says('one')
    let tries = 0
    const take: Take = (received) => {
      tries++
      return tries === 1 ? Promise.reject(new Error('the database is away')) : note(received)
    }
    running.push(poll(stopping.signal, take))
    await expect.poll(() => taken, WITHIN).toEqual(['one'])
    expect(failures).toHaveLength(1)
  })

  it('tell that a group moved between what was said before and after', async () => {
    const group = simulator.group()
    const ada = simulator.user(1)
    ada.says('/new one', { chat: group.id })
    const old = String(group.id)
    const now = String(group.migrates())
    ada.says('/new two', { chat: group.id })
    const heard: unknown[] = []
    const take: Take = async ({ messages, identities = [] }) =>
      void heard.push(...messages.map(({ chat }) => chat), ...identities)
    running.push(poll(stopping.signal, take))
    const moved = { channel: 'telegram', from: [old], to: { id: now } }
    await expect.poll(() => heard, WITHIN).toEqual([old, moved, moved, now])
  })

  it('are waited for while the service is away or a webhook is set, without the token in any reason', async () => {
    simulator.failNext('bad-gateway', { method: 'getUpdates' })
    simulator.failNext('reset-before', { method: 'getUpdates' })
    running.push(poll(stopping.signal))
    simulator.user(1).says('one')
    await expect.poll(() => taken, WITHIN).toEqual(['one'])
    expect(failures.length).toBeGreaterThanOrEqual(2)
    expect(failures.join()).not.toContain(simulator.token)
  })
})

describe('of two gateways', () => {
  let stores: Store[]
  beforeEach(async () => {
    const url = await freshDatabase()
    stores = await Promise.all([1, 2].map(() => openStore({ url, connections: 2 })))
  })
  afterEach(async () => {
    stopping.abort()
    await Promise.all(running)
    await Promise.all(stores.map((store) => store.close()))
  })

  it('one fetches, and the other takes over when it ends', async () => {
    const first = new AbortController()
    const gateway = (store: Store, signal: AbortSignal) =>
      whileLeading(
        {
          store,
          office: 'telegram-polling',
          work: (leading) => poll(leading),
          onFailure: (error) => void failures.push(String(error)),
        },
        signal,
      )
    const ending = gateway(stores[0]!, first.signal)
    simulator.user(1).says('one')
    await expect.poll(() => taken, WITHIN).toEqual(['one'])
    running.push(gateway(stores[1]!, stopping.signal))
    simulator.user(1).says('two')
    await expect.poll(() => taken, WITHIN).toEqual(['one', 'two'])
    first.abort()
    await ending
    simulator.user(1).says('three')
    await expect.poll(() => taken, WITHIN).toEqual(['one', 'two', 'three'])
    // Two pollers at once would have been thrown out in turn.
    expect(simulator.ledger.calls.filter(({ status }) => status === 409)).toEqual([])
  })
})
