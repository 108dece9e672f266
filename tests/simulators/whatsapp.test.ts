import { createHash, createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { FAULTS } from '../../simulators/whatsapp/faults.ts'
import { FORGERIES } from '../../simulators/whatsapp/forgery.ts'
import type { Sendable } from '../../simulators/whatsapp/person.ts'
import { PHONE, SECRET, send, startWhatsApp, valuesOf, withButtons } from './whatsapp-business.ts'

const idOf = (answer: Awaited<ReturnType<typeof send>>): string => answer.body.messages?.[0]?.id ?? ''

describe('a person', () => {
  test('is heard through a webhook signed over its escaped bytes', async () => {
    const { simulator, receiver } = await startWhatsApp()
    const id = simulator.user(PHONE, { name: 'Ada' }).says('grün/😀')
    await simulator.settled()
    const [webhook] = receiver.received
    const signature = createHmac('sha256', SECRET)
      .update(webhook?.body ?? '')
      .digest('hex')
    expect(webhook?.headers['x-hub-signature-256']).toBe(`sha256=${signature}`)
    expect(webhook?.body).toContain(String.raw`gr\u00fcn\/\ud83d\ude00`)
    expect(JSON.parse(webhook?.body ?? '')).toMatchObject({
      object: 'whatsapp_business_account',
      entry: [
        {
          changes: [
            {
              field: 'messages',
              value: {
                messaging_product: 'whatsapp',
                metadata: { phone_number_id: simulator.phoneNumberId },
                contacts: [{ profile: { name: 'Ada' }, wa_id: PHONE, user_id: expect.stringMatching(/^US\.\d+$/) }],
                messages: [
                  {
                    from: PHONE,
                    id,
                    type: 'text',
                    text: { body: 'grün/😀' },
                    timestamp: expect.stringMatching(/^\d{10}$/),
                  },
                ],
              },
            },
          ],
        },
      ],
    })
  })

  test('presses buttons, picks rows, answers and reacts', async () => {
    const { simulator, receiver } = await startWhatsApp({ statuses: [] })
    const person = simulator.user(PHONE)
    person.says('hello')
    const asked = idOf(await send(simulator, withButtons('Approve', 'Reject')))
    const list = {
      type: 'list',
      body: { text: 'Which?' },
      action: { button: 'Open', sections: [{ rows: [{ id: 'r1', title: 'One', description: 'first' }] }] },
    }
    const listed = idOf(await send(simulator, { type: 'interactive', text: undefined, interactive: list }))
    person.presses('id-Approve')
    person.presses('r1', listed)
    person.repliesTo(asked, 'why?')
    person.reacts(asked, '👍')
    await simulator.settled()
    const messages = valuesOf(receiver).flatMap((value) => value.messages ?? [])
    expect(messages.slice(1)).toMatchObject([
      {
        type: 'interactive',
        context: { id: asked },
        interactive: { type: 'button_reply', button_reply: { id: 'id-Approve', title: 'Approve' } },
      },
      {
        type: 'interactive',
        context: { id: listed },
        interactive: { type: 'list_reply', list_reply: { id: 'r1', title: 'One', description: 'first' } },
      },
      { type: 'text', context: { id: asked }, text: { body: 'why?' } },
      { type: 'reaction', reaction: { message_id: asked, emoji: '👍' } },
    ])
    expect(simulator.ledger.conversation(PHONE)[1]).toEqual({
      id: asked,
      from: 'business',
      type: 'interactive',
      text: 'Sure?',
      buttons: [
        { id: 'id-Approve', title: 'Approve' },
        { id: 'id-Reject', title: 'Reject' },
      ],
      reaction: '👍',
    })
    expect(() => person.presses('id-Later')).toThrow('User 4567 sees no button "id-Later".')
    expect(() => person.presses('r1', asked)).toThrow('sees no button')
    expect(() => person.repliesTo('wamid.x', 'x')).toThrow('User 4567 sees no message wamid.x.')
  })

  test.each<[Sendable, object]>([
    [{ type: 'image', caption: 'see' }, { image: { mime_type: 'image/jpeg', caption: 'see' } }],
    [{ type: 'audio', voice: true }, { audio: { mime_type: 'audio/ogg; codecs=opus', voice: true } }],
    [{ type: 'document', filename: 'a.pdf' }, { document: { mime_type: 'application/pdf', filename: 'a.pdf' } }],
    [
      { type: 'location', latitude: 52.5, longitude: 13.4, name: 'Here' },
      { location: { latitude: 52.5, longitude: 13.4, name: 'Here' } },
    ],
    [
      { type: 'contacts', contacts: [{ name: { formatted_name: 'Bob' } }] },
      { contacts: [{ name: { formatted_name: 'Bob' } }] },
    ],
    [{ type: 'unsupported' }, { errors: [{ code: 131_051 }] }],
  ])('sends %o', async (thing, expected) => {
    const { simulator, receiver } = await startWhatsApp()
    const id = simulator.user(PHONE).sends(thing)
    await simulator.settled()
    expect(valuesOf(receiver)[0]?.messages).toMatchObject([{ id, type: thing.type, ...expected }])
  })

  test('may have no number that anyone is told, and is written to by the scoped id', async () => {
    const { simulator, receiver } = await startWhatsApp()
    simulator.user('US.13491208655302741918', { username: 'ada' }).says('hello')
    const answer = await send(simulator, { to: undefined, recipient: 'US.13491208655302741918' })
    await simulator.settled()
    const [heard, ...told] = valuesOf(receiver)
    expect(heard?.contacts).toEqual([
      { profile: { name: 'User 1918', username: 'ada' }, user_id: 'US.13491208655302741918' },
    ])
    expect(heard?.messages?.[0]).not.toHaveProperty('from')
    expect(heard?.messages?.[0]).toMatchObject({ from_user_id: 'US.13491208655302741918' })
    expect(answer.body['contacts']).toEqual([{ input: 'US.13491208655302741918', user_id: 'US.13491208655302741918' }])
    expect(told.flatMap(({ statuses = [] }) => statuses)[0]).toMatchObject({
      recipient_user_id: 'US.13491208655302741918',
    })
  })
})

describe('a message', () => {
  test('is answered with its id and the number, and shown on the phone', async () => {
    const { simulator } = await startWhatsApp()
    const asked = simulator.user(PHONE).says('hello')
    const spaced = await send(simulator, {
      to: '+49 170 1234567',
      context: { message_id: asked },
      recipient_type: 'individual',
    })
    expect(spaced.body).toEqual({
      messaging_product: 'whatsapp',
      contacts: [{ input: '+49 170 1234567', wa_id: PHONE }],
      messages: [{ id: expect.stringMatching(/^wamid\.[A-Za-z0-9+/]+=*$/) }],
    })
    expect(simulator.ledger.conversation(PHONE)).toMatchObject([
      { from: 'user', text: 'hello', id: asked },
      { from: 'business', text: 'hi', id: idOf(spaced), repliesTo: asked },
    ])
    expect([simulator.ledger.newMessages(PHONE), simulator.ledger.newMessages()]).toEqual([1, 1])
  })

  test('is read with dots for 25 seconds or until the answer', async () => {
    let time = 1_800_000_000_000
    const { simulator } = await startWhatsApp({ now: () => time })
    const message_id = simulator.user(PHONE).says('hello')
    const read = {
      to: undefined,
      type: undefined,
      text: undefined,
      status: 'read',
      message_id,
      typing_indicator: { type: 'text' },
    }
    expect((await send(simulator, read)).body).toEqual({ success: true })
    expect(simulator.ledger.conversation(PHONE)[0]?.isRead).toBe(true)
    expect(simulator.ledger.isTyping(PHONE)).toBe(true)
    time += 25_000
    expect(simulator.ledger.isTyping(PHONE)).toBe(false)
    await send(simulator, read)
    await send(simulator)
    expect(simulator.ledger.isTyping(PHONE)).toBe(false)
  })

  test('can be reacted to, which is no new message', async () => {
    const { simulator } = await startWhatsApp()
    const message_id = simulator.user(PHONE).says('hello')
    await send(simulator, { type: 'reaction', text: undefined, reaction: { message_id, emoji: '👀' } })
    expect(simulator.ledger.conversation(PHONE)).toMatchObject([{ reaction: '👀' }])
    expect(simulator.ledger.newMessages()).toBe(0)
  })

  test('is followed by sent, delivered and read, each with what the business attached', async () => {
    const { simulator, receiver } = await startWhatsApp()
    simulator.user(PHONE).says('hello')
    const id = idOf(await send(simulator, { biz_opaque_callback_data: 'outbox-7' }))
    await simulator.settled()
    const statuses = valuesOf(receiver).flatMap((value) => value.statuses ?? [])
    expect(statuses.map(({ status }) => status).toSorted()).toEqual(['delivered', 'read', 'sent'])
    for (const status of statuses)
      expect(status).toMatchObject({
        id,
        recipient_id: PHONE,
        biz_opaque_callback_data: 'outbox-7',
        pricing: { billable: false },
      })
  })

  test.each([
    ['nobody has the number', 131_026, () => undefined],
    [
      'the person is gone',
      131_026,
      (person: { says(text: string): string; leaves(): void }) => (person.says('x'), person.leaves()),
    ],
    ['the person was silent for too long', 131_047, () => undefined],
  ] as const)('that is accepted fails later when %s', async (why, code, prepare) => {
    const { simulator, receiver } = await startWhatsApp({ window: 'fail-later' })
    const person = why === 'nobody has the number' ? undefined : simulator.user(PHONE)
    if (person) prepare(person)
    const answer = await send(simulator)
    expect(answer.http).toBe(200)
    await simulator.settled()
    const statuses = valuesOf(receiver).flatMap((value) => value.statuses ?? [])
    expect(statuses).toMatchObject([{ id: idOf(answer), status: 'failed', errors: [{ code }] }])
    expect(simulator.ledger.newMessages()).toBe(0)
  })
})

test('media have an address for five minutes and an id for a week', async () => {
  let time = 1_800_000_000_000
  const { simulator, receiver } = await startWhatsApp({ now: () => time })
  const bytes = Buffer.from('a voice')
  simulator.user(PHONE).sends({ type: 'audio', bytes })
  await simulator.settled()
  const audio = valuesOf(receiver)[0]?.messages?.[0]?.['audio']
  const { id, sha256 } = (audio ?? {}) as { id?: string; sha256?: string }
  expect(sha256).toBe(createHash('sha256').update(bytes).digest('base64'))
  const headers = { authorization: `Bearer ${simulator.token}` }
  const about = async () =>
    (await fetch(`${simulator.url}/v23.0/${id}`, { headers })).json() as Promise<{
      url: string
      file_size: number
      error?: object
    }>
  const { url, file_size } = await about()
  expect(file_size).toBe(bytes.length)
  expect(await (await fetch(url, { headers })).text()).toBe('a voice')
  expect((await fetch(url)).status).toBe(401)
  expect((await fetch(`${url}x`, { headers })).status).toBe(404)
  time += 300_001
  expect((await fetch(url, { headers })).status).toBe(404)
  expect((await fetch((await about()).url, { headers })).status).toBe(200)
  time += 604_800_000
  expect((await about()).error).toMatchObject({ code: 100, error_subcode: 33 })
})

describe('webhooks', () => {
  test('come again until they are taken', async () => {
    const { simulator } = await startWhatsApp({ retries: { waitMs: () => 5 } }, (_, index) => ({
      status: index < 2 ? 500 : 200,
    }))
    simulator.user(PHONE).says('hello')
    await simulator.settled()
    expect(simulator.deliveries.map(({ status }) => status)).toEqual([500, 500, 200])
  })

  test('come up to three times, in another order, several things in one', async () => {
    // A pair is one webhook, and each waits far longer than the pairs are apart: their order is the dice's alone.
    const delivery = { copies: [2, 3], shuffleWithinMs: 2_000, batchWithinMs: 20 } as const
    const { simulator, receiver } = await startWhatsApp({ seed: 3, delivery })
    const person = simulator.user(PHONE)
    const said: string[] = []
    for (let pair = 0; pair < 6; pair++) {
      said.push(person.says(`${pair}, first`), person.says(`${pair}, then`))
      await new Promise((resolve) => setTimeout(resolve, 40))
    }
    for (let count = 0; count < 4; count++) await send(simulator)
    await simulator.settled()
    const values = valuesOf(receiver)
    const heard = values.flatMap(({ messages = [] }) => messages.map(({ id }) => id))
    expect(new Set(heard)).toEqual(new Set(said))
    expect(heard.length).toBeGreaterThan(said.length)
    expect([...new Set(heard)]).not.toEqual(said)
    expect(values.some(({ messages = [] }) => messages.length > 1)).toBe(true)
    const statuses = values.flatMap(({ statuses = [] }) => statuses.map(({ id, status }) => `${id} ${status}`))
    expect(new Set(statuses).size).toBe(12)
    for (const { headers, body } of receiver.received)
      expect(headers['x-hub-signature-256']).toBe(`sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`)
  })

  test('are set up by a handshake that wants the bare challenge', async () => {
    const echo = (path: string) => new URL(path, 'http://x').searchParams
    const { simulator, receiver } = await startWhatsApp({ verifyToken: 'right' }, ({ path }) =>
      echo(path).get('hub.verify_token') === 'right'
        ? { body: echo(path).get('hub.challenge') ?? '' }
        : { status: 403 },
    )
    expect(await simulator.verify()).toMatchObject({ status: 200, isVerified: true })
    expect(receiver.received[0]).toMatchObject({ method: 'GET', path: expect.stringContaining('hub.mode=subscribe') })
    const quoted = await startWhatsApp({}, ({ path }) => ({ body: JSON.stringify(echo(path).get('hub.challenge')) }))
    expect((await quoted.simulator.verify()).isVerified).toBe(false)
    const refused = await startWhatsApp({}, () => ({ status: 403 }))
    expect(await refused.simulator.verify()).toMatchObject({ status: 403, isVerified: false })
  })

  test.each(FORGERIES)('can be forged: %s', async (forgery) => {
    const { simulator, receiver } = await startWhatsApp({}, ({ headers, body }) => {
      const right = `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`
      return { status: headers['x-hub-signature-256'] === right ? 200 : 401 }
    })
    expect(await simulator.forge(forgery, 'grün')).toBe(401)
    expect(valuesOf(receiver)[0]?.messages).toMatchObject([{ type: 'text' }])
  })
})

describe('a fault', () => {
  test.each([
    ['internal', 500, 131_000, 0],
    ['internal-after', 500, 131_000, 1],
    ['unavailable', 503, 131_016, 0],
    ['rate-limited', 429, 130_429, 0],
    ['reset-before', 0, undefined, 0],
    ['reset-after', 0, undefined, 1],
  ] as const)('%s: the client gets %i (code %s), the person %i messages', async (fault, ...expected) => {
    const { simulator } = await startWhatsApp()
    simulator.user(PHONE).says('hello')
    simulator.failNext(fault)
    const answer = await send(simulator).catch(() => ({ http: 0, body: { error: undefined } }))
    const { http } = answer
    expect([http, answer.body.error?.code, simulator.ledger.newMessages(PHONE)]).toEqual(expected)
    expect(simulator.ledger.requests.at(-1)).toMatchObject({ status: http, fault })
    expect((await send(simulator)).http).toBe(200)
  })

  test('hang-after sends the message, tells its status, and never answers', async () => {
    const { simulator, receiver } = await startWhatsApp()
    simulator.user(PHONE).says('hello')
    simulator.failNext('hang-after')
    const hanging = fetch(`${simulator.url}/v23.0/${simulator.phoneNumberId}/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${simulator.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        messaging_product: 'whatsapp',
        to: PHONE,
        text: { body: 'x' },
        biz_opaque_callback_data: 'o',
      }),
      signal: AbortSignal.timeout(200),
    })
    await expect(hanging).rejects.toThrow('timeout')
    await simulator.settled()
    expect(simulator.ledger.newMessages(PHONE)).toBe(1)
    expect(valuesOf(receiver).flatMap(({ statuses = [] }) => statuses)[0]).toMatchObject({
      biz_opaque_callback_data: 'o',
    })
    expect(FAULTS).toHaveLength(7)
  })
})
