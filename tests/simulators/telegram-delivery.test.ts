import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { FAULTS } from '../../simulators/telegram/faults.ts'
import { bot, receive, startTelegram, updates, type TestUpdate } from './telegram-bot.ts'

const CHAT = 1001
/** Long enough for a poll to arrive before the next request, also on a busy machine. */
const POLL_ARRIVES_MS = 400

describe('getUpdates', () => {
  test('gives what waits until it is confirmed, as many as asked for', async () => {
    const simulator = await startTelegram()
    const person = simulator.user(CHAT)
    for (const text of ['one', 'two', 'three']) person.says(text)
    const [first, second] = await updates(simulator, { limit: 2 })
    expect([first?.message?.text, second?.message?.text]).toEqual(['one', 'two'])
    expect(await updates(simulator)).toHaveLength(3)
    const left = await updates(simulator, { offset: (second?.update_id ?? 0) + 1 })
    expect(left.map(({ message }) => message?.text)).toEqual(['three'])
    expect(await updates(simulator)).toHaveLength(1)
    person.says('four')
    expect((await updates(simulator, { offset: -1 })).map(({ message }) => message?.text)).toEqual(['four'])
    expect(await updates(simulator)).toHaveLength(1)
  })

  test('waits for something, and gives up after its time', async () => {
    const simulator = await startTelegram()
    const waiting = updates(simulator, { timeout: 30 })
    await sleep(50)
    simulator.user(CHAT).says('at last')
    expect((await waiting)[0]?.message?.text).toBe('at last')
    const offset = ((await updates(simulator))[0]?.update_id ?? 0) + 1
    const started = Date.now()
    expect(await updates(simulator, { offset, timeout: 1 })).toEqual([])
    expect(Date.now() - started).toBeGreaterThan(950)
  })

  test('is for one poller: another ends it, a webhook too, and with one set none may poll', async () => {
    const simulator = await startTelegram()
    const { url } = await receive()
    const other = 'Conflict: terminated by other getUpdates request; make sure that only one bot instance is running'
    const first = bot(simulator, 'getUpdates', { timeout: 30 })
    await sleep(POLL_ARRIVES_MS)
    const second = bot(simulator, 'getUpdates', { timeout: 30 })
    expect(await first).toMatchObject({ http: 409, description: other })
    await sleep(POLL_ARRIVES_MS)
    await bot(simulator, 'setWebhook', { url })
    expect(await second).toMatchObject({ http: 409, description: 'Conflict: terminated by setWebhook request' })
    expect(await bot(simulator, 'getUpdates')).toMatchObject({
      http: 409,
      description:
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
    })
  })

  test('gives only kinds that were asked for', async () => {
    const simulator = await startTelegram()
    const person = simulator.user(CHAT)
    await bot(simulator, 'getUpdates', { allowed_updates: ['edited_message'] })
    const { message_id } = person.says('one')
    person.edits(message_id, 'two')
    expect((await updates(simulator)).map(({ edited_message }) => edited_message?.text)).toEqual(['two'])
    await bot(simulator, 'getUpdates', { allowed_updates: [] })
    person.reacts(message_id, '👍')
    person.says('three')
    expect((await updates(simulator)).map(({ message }) => message?.text)).toEqual([undefined, 'three'])
  })
})

describe('a webhook', () => {
  test('gets updates with its secret, those that waited too, and tells about itself', async () => {
    const simulator = await startTelegram()
    const receiver = await receive()
    const person = simulator.user(CHAT)
    person.says('before')
    const set = await bot(simulator, 'setWebhook', {
      url: receiver.url,
      secret_token: 's-1',
      max_connections: 1,
      allowed_updates: ['message'],
    })
    expect(set).toMatchObject({ result: true, description: 'Webhook was set' })
    person.says('after é')
    await simulator.settled()
    expect(receiver.received.map(({ headers }) => headers['x-telegram-bot-api-secret-token'])).toEqual(['s-1', 's-1'])
    const texts = receiver.received.map(
      ({ body }) => (JSON.parse(Buffer.from(body, 'latin1').toString()) as TestUpdate).message?.text,
    )
    expect(texts).toEqual(['before', 'after é'])
    expect((await bot(simulator, 'getWebhookInfo')).result).toEqual({
      url: receiver.url,
      has_custom_certificate: false,
      pending_update_count: 0,
      max_connections: 1,
      allowed_updates: ['message'],
    })
    expect(await bot(simulator, 'deleteWebhook')).toMatchObject({ description: 'Webhook was deleted' })
    expect(await bot(simulator, 'setWebhook')).toMatchObject({ description: 'Webhook is already deleted' })
  })

  test('without a secret gets no header of it', async () => {
    const simulator = await startTelegram()
    const receiver = await receive()
    await bot(simulator, 'setWebhook', { url: receiver.url })
    simulator.user(CHAT).says('hello')
    await simulator.settled()
    expect(receiver.received[0]?.headers).not.toHaveProperty('x-telegram-bot-api-secret-token')
  })

  test('gets an update again until it answers 2xx, after the time it asks for', async () => {
    const simulator = await startTelegram({ retries: { waitMs: () => 5 } })
    const receiver = await receive((_, index) =>
      index === 0 ? { status: 500 } : index === 1 ? { status: 503, headers: { 'retry-after': '1' } } : {},
    )
    await bot(simulator, 'setWebhook', { url: receiver.url })
    const started = Date.now()
    simulator.user(CHAT).says('hello')
    await simulator.settled()
    expect(simulator.deliveries.map(({ status }) => status)).toEqual([500, 503, 200])
    expect(Date.now() - started).toBeGreaterThan(1_000)
    expect(new Set(receiver.bodies<TestUpdate>().map(({ update_id }) => update_id)).size).toBe(1)
    expect((await bot<object>(simulator, 'getWebhookInfo')).result).toMatchObject({
      pending_update_count: 0,
      last_error_message: 'Wrong response from the webhook: 503 Service Unavailable',
    })
  })

  test('that nobody listens at leaves the update to getUpdates', async () => {
    const simulator = await startTelegram({ retries: { waitMs: () => 60_000 } })
    const receiver = await receive()
    await receiver.close()
    await bot(simulator, 'setWebhook', { url: receiver.url })
    simulator.user(CHAT).says('hello')
    await expect.poll(() => simulator.deliveries.map(({ problem }) => problem)).toEqual(['Connection refused'])
    await bot(simulator, 'deleteWebhook')
    expect((await updates(simulator))[0]?.message?.text).toBe('hello')
    await bot(simulator, 'deleteWebhook', { drop_pending_updates: true })
    expect(await updates(simulator)).toEqual([])
  })

  test('that does not answer in time gets the update again, until that is given up', async () => {
    const simulator = await startTelegram({ retries: { waitMs: () => 10, answerWithinMs: 100, giveUpAfterMs: 200 } })
    const receiver = await receive(() => new Promise(() => undefined))
    await bot(simulator, 'setWebhook', { url: receiver.url })
    simulator.user(CHAT).says('hello')
    await simulator.settled()
    const problems = simulator.deliveries.map(({ problem }) => problem)
    expect(problems.length).toBeGreaterThan(0)
    expect(new Set(problems)).toEqual(new Set(['Read timeout expired']))
    expect((await bot(simulator, 'getWebhookInfo')).result).toMatchObject({ pending_update_count: 0 })
  })

  test('gets updates up to three times and in another order, the same for the same seed', async () => {
    const orderFor = async (seed: number) => {
      const simulator = await startTelegram({ seed, delivery: { copies: [1, 3], shuffleWithinMs: 200, delayMs: 10 } })
      const receiver = await receive()
      await bot(simulator, 'setWebhook', { url: receiver.url, max_connections: 100 })
      for (let count = 0; count < 12; count++) simulator.user(CHAT).says(String(count))
      await simulator.settled()
      return receiver.bodies<TestUpdate>().map(({ message }) => Number(message?.text))
    }
    const order = await orderFor(1)
    expect(new Set(order).size).toBe(12)
    expect(order.length).toBeGreaterThan(12)
    expect(order.length).toBeLessThanOrEqual(36)
    const firsts = [...new Set(order)]
    expect(firsts).not.toEqual(firsts.toSorted((one, other) => one - other))
    const copies = (list: readonly number[]) =>
      Array.from({ length: 12 }, (_, text) => list.filter((one) => one === text).length)
    expect(copies(await orderFor(1))).toEqual(copies(order))
  })

  test('may answer with a call, which is carried out and not answered', async () => {
    const simulator = await startTelegram()
    const answers = [
      { method: 'sendMessage', chat_id: CHAT, text: 'from the answer' },
      { method: 'getMe' },
      { method: 'sendMessage', chat_id: CHAT, text: '' },
    ]
    const receiver = await receive((_, index) => ({ body: JSON.stringify(answers[index]) }))
    await bot(simulator, 'setWebhook', { url: receiver.url, max_connections: 1 })
    for (const text of ['a', 'b', 'c']) simulator.user(CHAT).says(text)
    await simulator.settled()
    await expect
      .poll(() => simulator.ledger.calls.map(({ method, status }) => [method, status]))
      .toEqual([
        ['setWebhook', 200],
        ['sendMessage', 200],
        ['sendMessage', 400],
      ])
    expect(simulator.ledger.newMessages(CHAT)).toBe(1)
  })
})

describe('a fault', () => {
  const say = async (simulator: Awaited<ReturnType<typeof startTelegram>>) => {
    const answer = await bot(simulator, 'sendMessage', { chat_id: CHAT, text: 'x' }).catch(() => ({ http: 0 }))
    return answer.http
  }

  test.each([
    ['internal', 500, 0],
    ['internal-after', 500, 1],
    ['rate-limited', 429, 0],
    ['reset-before', 0, 0],
    ['reset-after', 0, 1],
  ] as const)('%s: the client gets %i, people get %i messages', async (fault, http, shown) => {
    const simulator = await startTelegram()
    simulator.user(CHAT).says('hello')
    simulator.failNext(fault, { times: 1, method: 'sendMessage' })
    expect((await bot(simulator, 'getMe')).http).toBe(200)
    expect(await say(simulator)).toBe(http)
    expect(simulator.ledger.newMessages(CHAT)).toBe(shown)
    expect(simulator.ledger.calls.at(-1)).toMatchObject({ status: http, fault })
    expect(await say(simulator)).toBe(200)
  })

  test('bad-gateway is a page, hang-after sends the message and never answers', async () => {
    const simulator = await startTelegram()
    const { url, token } = simulator
    simulator.user(CHAT).says('hello')
    simulator.failNext('bad-gateway')
    const page = await fetch(`${url}/bot${token}/getMe`)
    expect([page.status, page.headers.get('content-type')]).toEqual([502, 'text/html'])
    simulator.failNext('hang-after')
    const address = `${url}/bot${token}/sendMessage?chat_id=${CHAT}&text=x`
    await expect(fetch(address, { signal: AbortSignal.timeout(200) })).rejects.toThrow('timeout')
    expect(simulator.ledger.newMessages(CHAT)).toBe(1)
    expect(FAULTS).toHaveLength(7)
  })
})
