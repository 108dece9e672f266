import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTelegramWebhook } from '../../adapters/telegram/telegram-webhook.ts'
import { createWhatsAppWebhook } from '../../adapters/whatsapp/whatsapp-webhook.ts'
import type { Received } from '../../domain/ports/channel.ts'
import { openTestApi, refusalOf, type TestApi } from '../support/api.ts'
import { freshDatabase } from '../support/database.ts'

const SECRET = 'a-secret_of-the-webhook'
const PHONE_ID = '106540352242922'
const TELEGRAM = '/webhooks/telegram'
const WHATSAPP = '/webhooks/whatsapp'

let api: TestApi
let closed: TestApi
let taken: Received[]
let failure: Error | undefined
beforeAll(async () => {
  const url = await freshDatabase()
  api = await openTestApi({
    url,
    webhooks: {
      channels: [
        createTelegramWebhook({ token: '42:abc', secret: SECRET }),
        createWhatsAppWebhook({ appSecret: SECRET, verifyToken: 'verify-me', phoneNumberId: PHONE_ID }),
      ],
      async take(received) {
        if (failure) throw failure
        taken.push(received)
      },
    },
  })
  closed = await openTestApi({ url })
})
afterAll(async () => {
  await Promise.all([api.close(), closed.close()])
})
beforeEach(() => {
  taken = []
  failure = undefined
})

const update = (text: string) => ({
  update_id: 100,
  message: {
    message_id: 5,
    date: 1,
    chat: { id: 7, type: 'private' },
    from: { id: 7, is_bot: false, first_name: 'A' },
    text,
  },
})
const telegram = (body: unknown, secret: string | undefined = SECRET) =>
  api.call(TELEGRAM, {
    as: 'nobody',
    headers: secret === undefined ? {} : { 'x-telegram-bot-api-secret-token': secret },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

const payload = (text: string, phoneId = PHONE_ID) => {
  const message = { from: '4917', id: 'wamid.1', timestamp: '1', type: 'text', text: { body: text } }
  const value = { messaging_product: 'whatsapp', metadata: { phone_number_id: phoneId }, messages: [message] }
  return JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [{ id: '1', changes: [{ field: 'messages', value }] }],
  })
}
/** As the service writes it. */
const escaped = (json: string): string =>
  json
    .replaceAll(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replaceAll('/', '\\/')
const signed = (body: string, secret = SECRET): string =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
const whatsapp = (body: string, signature: string | null = signed(body)) =>
  api.call(WHATSAPP, {
    as: 'nobody',
    headers: signature === null ? {} : { 'x-hub-signature-256': signature },
    body,
  })

const texts = () => taken.flatMap(({ messages }) => messages.map(({ text }) => text))

describe('a webhook of Telegram', () => {
  it('with the secret is taken', async () => {
    expect((await telegram(update('hello'))).status).toBe(200)
    expect(texts()).toEqual(['hello'])
  })

  it.each(['', 'x', SECRET.slice(0, -1), `${SECRET}x`, SECRET.toUpperCase(), ` ${SECRET}x`, `${SECRET}, ${SECRET}`])(
    'with the secret %j gets 401, and its body is not parsed',
    async (secret) => {
      expect(await refusalOf(await telegram('{', secret))).toBe('401 unauthenticated')
      expect(taken).toEqual([])
    },
  )

  it('without a secret gets 401 before its body is read', async () => {
    const endless = new ReadableStream<Uint8Array>({ pull: (stream) => stream.enqueue(new Uint8Array(65_536)) })
    expect(await refusalOf(await api.call(TELEGRAM, { as: 'nobody', body: endless }))).toBe('401 unauthenticated')
  })

  it('that knows an API key and not the secret gets 401', async () => {
    expect(await refusalOf(await api.call(TELEGRAM, { as: 'admin', json: update('hello') }))).toBe(
      '401 unauthenticated',
    )
  })

  it.each(['', '{', 'null x', '\xff'])('whose body is %j is bad input', async (body) => {
    expect(await refusalOf(await telegram(body === '' ? ' ' : body))).toMatch(/^400 invalid_json/)
  })

  it.each(['null', '[]', '{"update_id":"x"}', '{"update_id":1,"message":{"chat":null}}', '{"update_id":1,"poll":{}}'])(
    'that brings %s is taken and means nothing',
    async (body) => {
      expect((await telegram(body)).status).toBe(200)
      expect(texts()).toEqual([])
    },
  )

  it('of more than 4 MiB is refused', async () => {
    expect(await refusalOf(await telegram('x'.repeat(4 * 1024 * 1024 + 1)))).toBe('413 body_too_large')
  })

  it('is not taken when it could not be made durable', async () => {
    failure = Object.assign(new Error('away'), { code: 'ECONNREFUSED' })
    expect(await refusalOf(await telegram(update('hello')))).toBe('503 unavailable')
    expect(api.takeFaults()).toHaveLength(1)
  })
})

describe('what Telegram tells that nobody said to the gateway', () => {
  const message = update('x').message
  it.each([
    ['an edit', { edited_message: message }],
    ['a reaction', { message_reaction: { chat: { id: 7 }, message_id: 5 } }],
    ['a message of a bot', { message: { ...message, from: { ...message.from, is_bot: true } } }],
    ['who joined', { message: { ...message, text: undefined, new_chat_members: [] } }],
    ['talk in a group', { message: { ...message, chat: { id: -7, type: 'group' } } }],
    [
      'an answer to somebody else',
      {
        message: { ...message, chat: { id: -7, type: 'group' }, reply_to_message: { message_id: 1, from: { id: 9 } } },
      },
    ],
    ['a new background', { message: { ...message, text: undefined, chat_background_set: { type: {} } } }],
    ['membership', { my_chat_member: { chat: { id: 7 } } }],
    ['a member of a group', { chat_member: { chat: { id: -7 } } }],
    ['a pin', { message: { ...message, text: undefined, pinned_message: message } }],
    ['a vote', { poll_answer: { poll_id: '1', user: message.from, option_ids: [0] } }],
    ['a post in a channel', { channel_post: message }],
    ['an edited post in a channel', { edited_channel_post: message }],
    ['what is said to the account of a business', { business_message: message }],
    ['a kind of update of tomorrow', { telepathy: message }],
  ])('%s is left alone', async (_, content) => {
    expect((await telegram({ update_id: 1, ...content })).status).toBe(200)
    expect(texts()).toEqual([])
  })

  const dice = { ...message, text: undefined, dice: { emoji: '🎲', value: 6 } }
  const group = { id: -7, type: 'group' }
  it('a dice that nobody threw at the bot is left alone in a group', async () => {
    const thrown = [{ chat: group }, { chat: group, reply_to_message: { message_id: 1, from: { id: 9 } } }]
    for (const more of thrown) await telegram({ update_id: 1, message: { ...dice, ...more } })
    expect(texts()).toEqual([])
    await telegram({
      update_id: 1,
      message: { ...dice, chat: group, reply_to_message: { message_id: 1, from: { id: 42, is_bot: true } } },
    })
    expect(taken[2]?.messages).toMatchObject([{ kind: 'wordless', isGroup: true, replyTo: '1' }])
  })

  it('a command, a mention or an answer to the bot in a group is meant for it', async () => {
    const group = { ...message, chat: { id: -7, type: 'supergroup' }, message_thread_id: 3, is_topic_message: true }
    const entity = (type: string) => ({ ...group, text: type, entities: [{ type, offset: 0, length: 1 }] })
    const answer = { ...group, text: 'answer', reply_to_message: { message_id: 1, from: { id: 42, is_bot: true } } }
    for (const said of [entity('bot_command'), entity('mention'), answer])
      await telegram({ update_id: 1, message: said })
    expect(texts()).toEqual(['bot_command', 'mention', 'answer'])
    expect(taken[2]?.messages[0]).toMatchObject({
      chat: '-7',
      thread: '3',
      isGroup: true,
      replyTo: '1',
      messageId: '5',
    })
  })
})

describe('whatever a person sends to the bot', () => {
  const { text: _, ...message } = update('x').message
  it.each([
    ...['animation', 'audio', 'checklist', 'contact', 'dice', 'game', 'giveaway', 'giveaway_winners', 'invoice'],
    ...['live_photo', 'location', 'paid_media', 'poll', 'rich_message', 'sticker', 'story', 'suggested_post_info'],
    ...['venue', 'video', 'video_note', 'voice', 'a_kind_of_tomorrow'],
  ])('is a message without words: %s', async (kind) => {
    expect((await telegram({ update_id: 1, message: { ...message, [kind]: {} } })).status).toBe(200)
    expect(taken.flatMap(({ messages }) => messages)).toMatchObject([{ kind: 'wordless', text: '', chat: '7' }])
  })

  it('is a message also where the service has no name for what it is', async () => {
    await telegram({ update_id: 1, message })
    expect(taken.flatMap(({ messages }) => messages)).toMatchObject([{ kind: 'wordless' }])
  })
})

describe('a webhook of WhatsApp', () => {
  it('signed over its raw bytes is taken, as the service escapes it', async () => {
    const body = escaped(payload('Grüße 😀 a/b'))
    expect(body).toContain('\\u00fc')
    expect((await whatsapp(body)).status).toBe(200)
    expect(texts()).toEqual(['Grüße 😀 a/b'])
  })

  const body = payload('hello')
  it.each([
    ['none', null],
    ['an empty one', ''],
    ['one of another secret', signed(body, 'other')],
    ['one of an empty secret', signed(body, '0').replace(/.$/, 'g')],
    ['a cut one', signed(body).slice(0, -1)],
    ['one without its prefix', signed(body).slice(7)],
    ['one in capitals', signed(body).toUpperCase()],
    ['one of SHA-1', `sha1=${createHmac('sha1', SECRET).update(body).digest('hex')}`],
    ['two', `${signed(body)}, ${signed(body)}`],
    ['one of other bytes of the same JSON', signed(escaped(payload('hello/')))],
    ['one in base64', `sha256=${createHmac('sha256', SECRET).update(body).digest('base64')}`],
  ])('with %s for a signature gets 401', async (_, signature) => {
    expect(await refusalOf(await whatsapp(body, signature))).toBe('401 unauthenticated')
    expect(taken).toEqual([])
  })

  it.each(['reaction', 'edit', 'revoke', 'request_welcome', 'system'])('%s is nothing anybody said', async (type) => {
    const original = { original_message_id: 'wamid.1', message: { type: 'text', text: { body: 'fix it' } } }
    const message = { from: '4917', id: 'wamid.2', timestamp: '1', type, [type]: original }
    const value = { metadata: { phone_number_id: PHONE_ID }, messages: [message] }
    await whatsapp(JSON.stringify({ entry: [{ changes: [{ field: 'messages', value }] }] }))
    expect(taken).toEqual([{ messages: [], reports: [] }])
  })

  it.each([
    ...['audio', 'contacts', 'ephemeral', 'location', 'order', 'poll', 'sticker', 'unknown', 'unsupported', 'video'],
    ...['interactive', 'a_kind_of_tomorrow', undefined],
  ])('whatever a person sends is a message without words: %s', async (type) => {
    const message = { from: '4917', id: 'wamid.3', timestamp: '1', type, errors: [{ code: 131_051 }] }
    const value = { metadata: { phone_number_id: PHONE_ID }, messages: [message] }
    const body = JSON.stringify({ entry: [{ changes: [{ field: 'messages', value }] }] })
    expect((await whatsapp(body)).status).toBe(200)
    expect(taken.flatMap(({ messages }) => messages)).toMatchObject([{ kind: 'wordless', text: '', chat: '4917' }])
  })

  it.each(['message_echoes', 'smb_message_echoes', 'history', 'calls', 'user_preferences', 'field_of_tomorrow'])(
    'that brings %s is taken and means nothing',
    async (field) => {
      const value = { metadata: { phone_number_id: PHONE_ID }, [field]: [{ from: '4917', id: 'w', type: 'text' }] }
      expect((await whatsapp(JSON.stringify({ entry: [{ changes: [{ field, value }] }] }))).status).toBe(200)
      expect(taken).toEqual([{ messages: [], reports: [] }])
    },
  )

  it.each([
    [131_026, { outcome: 'failed' }],
    [131_047, { outcome: 'out-of-window' }],
    [131_056, { outcome: 'later', afterMs: 6_000 }],
    [131_000, { outcome: 'later', afterMs: 10_000 }],
  ])('a status that failed with %i tells whether the message may be sent again', async (code, told) => {
    const failed = { id: 's', status: 'failed', biz_opaque_callback_data: 'p', errors: [{ code, title: 'why' }] }
    const value = { metadata: { phone_number_id: PHONE_ID }, statuses: [failed] }
    await whatsapp(JSON.stringify({ entry: [{ changes: [{ field: 'messages', value }] }] }))
    expect(taken[0]?.reports).toEqual([{ reference: 'p', providerId: 's', reason: `${code} why`, ...told }])
  })

  it('for another number of the same app is taken and left alone', async () => {
    expect((await whatsapp(payload('hello', '999'))).status).toBe(200)
    expect(texts()).toEqual([])
  })

  it('leaves alone what is said in a group, which is not answered in private', async () => {
    const said = (more: object) => ({
      from: '4917',
      id: 'w',
      timestamp: '1',
      type: 'text',
      text: { body: 'x' },
      ...more,
    })
    const messages = [said({ group_id: 'Y2FwaV9ncm91cA' }), said({ text: { body: 'in private' } })]
    const value = { metadata: { phone_number_id: PHONE_ID }, messages }
    await whatsapp(JSON.stringify({ entry: [{ changes: [{ field: 'messages', value }] }] }))
    expect(texts()).toEqual(['in private'])
  })

  it('brings a batch whole: entries, changes, messages and statuses', async () => {
    const value = (id: string) => ({
      metadata: { phone_number_id: PHONE_ID },
      messages: [1, 2].map((n) => ({
        from_user_id: 'US.1',
        id: `${id}${n}`,
        timestamp: '9',
        type: 'image',
        image: { caption: `c${id}${n}` },
      })),
      statuses: [
        { id: `s${id}`, status: 'delivered', biz_opaque_callback_data: `p${id}` },
        { id: 'foreign', status: 'read' },
      ],
    })
    const changes = (id: string) => ({
      changes: [
        { field: 'messages', value: value(id) },
        { field: 'account_update', value: value('x') },
      ],
    })
    await whatsapp(JSON.stringify({ entry: [changes('a'), changes('b')] }))
    expect(texts()).toEqual(['ca1', 'ca2', 'cb1', 'cb2'])
    expect(taken[0]?.reports).toEqual([
      { reference: 'pa', outcome: 'arrived', providerId: 'sa' },
      { reference: 'pb', outcome: 'arrived', providerId: 'sb' },
    ])
    expect(taken[0]?.messages[0]).toMatchObject({ chat: 'US.1', sender: { id: 'US.1' } })
  })

  it('knows a person by the scoped id first, and reaches them by number while there is one', async () => {
    const message = { from: '4917', from_user_id: 'US.1', id: 'w', timestamp: '1', type: 'text', text: { body: 'x' } }
    const value = { metadata: { phone_number_id: PHONE_ID }, messages: [message] }
    await whatsapp(JSON.stringify({ entry: [{ changes: [{ field: 'messages', value }] }] }))
    expect(taken[0]?.messages[0]).toMatchObject({ chat: 'US.1', reach: '4917', sender: { id: 'US.1', alias: '4917' } })
  })

  it.each([
    {
      what: 'id alone',
      message: { system: { type: 'user_changed_user_id', previous_user_id: 'US.1', user_id: 'US.2' } },
      change: { from: ['US.1'], to: { id: 'US.2' } },
    },
    {
      what: 'number, and so the id',
      message: {
        from: '4917',
        system: { type: 'user_changed_number', previous_user_id: 'US.1', user_id: 'US.2', wa_id: '4918' },
      },
      change: { from: ['US.1', '4917'], to: { id: 'US.2', alias: '4918' } },
    },
  ])('tells that a person changed the $what, which is no message', async ({ message, change }) => {
    const told = { ...message, id: 'w', timestamp: '1', type: 'system' }
    const value = { metadata: { phone_number_id: PHONE_ID }, messages: [told] }
    await whatsapp(JSON.stringify({ entry: [{ changes: [{ field: 'messages', value }] }] }))
    expect(taken[0]).toEqual({ messages: [], reports: [], identities: [{ channel: 'whatsapp', ...change }] })
  })

  it('is verified by a handshake that answers the bare challenge', async () => {
    const ask = (query: string) => api.call(`${WHATSAPP}?${query}`, { as: 'nobody' })
    const right = await ask('hub.mode=subscribe&hub.verify_token=verify-me&hub.challenge=1158201444')
    expect([right.status, await right.text()]).toEqual([200, '1158201444'])
    for (const query of [
      '',
      'hub.mode=subscribe&hub.verify_token=verify-m&hub.challenge=1',
      'hub.verify_token=verify-me&hub.challenge=1',
    ])
      expect(await refusalOf(await ask(query))).toBe('403 forbidden')
  })
})

describe('a channel that is not configured', () => {
  it.each([TELEGRAM, WHATSAPP])('has no route %s', async (path) => {
    expect(await refusalOf(await closed.call(path, { as: 'nobody', json: {} }))).toBe('404 not_found')
  })
})

describe('POST /v1/links', () => {
  it('gives a code for a quarter of an hour that ties a chat user to the caller', async () => {
    const response = await api.call('/v1/links', { method: 'POST', as: 'submitter' })
    expect(response.status).toBe(201)
    const { code, expiresAt } = (await response.json()) as { code: string; expiresAt: string }
    expect(code).toMatch(/^[2-9A-HJ-NP-Z]{10}$/)
    expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(14 * 60_000)
    const other = (await (await api.call('/v1/links', { method: 'POST' })).json()) as { code: string }
    expect(other.code).not.toBe(code)
  })

  it('needs a caller, and takes no fields', async () => {
    expect(await refusalOf(await api.call('/v1/links', { method: 'POST', as: 'nobody' }))).toBe('401 unauthenticated')
    expect(await refusalOf(await api.call('/v1/links', { json: { user: 'x' } }))).toBe('422 invalid_request')
  })
})
