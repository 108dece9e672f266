import { describe, expect, test } from 'vitest'
import { startWhatsAppSimulator } from '../../simulators/whatsapp/server.ts'
import { PHONE, post, send, startWhatsApp, withButtons } from './whatsapp-business.ts'

const interactive = (more: object) => ({ type: 'interactive', text: undefined, interactive: more })
const buttons = (...list: readonly unknown[]) =>
  interactive({ type: 'button', body: { text: 'x' }, action: { buttons: list } })
const reply = (more: object) => ({ type: 'reply', reply: { id: 'a', title: 'A', ...more } })
const sections = (...list: readonly unknown[]) =>
  interactive({ type: 'list', body: { text: 'x' }, action: { button: 'Open', sections: list } })
const rows = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => ({ id: `r${from + index}`, title: 'Row' }))
const template = (more: object) => ({
  type: 'template',
  text: undefined,
  template: { name: 'hello', language: { code: 'en_US' }, ...more },
})

describe('a message is refused in the words of the service', () => {
  const hash = (words: string) => [100, `(#100) ${words}`] as const
  const missing = (details: string) => [131_008, '(#131008) Required parameter is missing', details] as const
  const invalid = (details: string) => [131_009, '(#131009) Parameter value is not valid', details] as const
  const length = (what: string, most: number) => invalid(`${what} length invalid. Min length: 1, Max length: ${most}`)

  test.each<[string, object, readonly [number, string, string?]]>([
    ['no product', { messaging_product: undefined }, hash('The parameter messaging_product is required.')],
    [
      'another product',
      { messaging_product: 'sms' },
      hash('Param messaging_product must be one of {WHATSAPP} - got "sms".'),
    ],
    ['nobody', { to: undefined }, hash('The parameter to is required.')],
    [
      'a malformed number',
      { to: 'Ada' },
      invalid('The phone number is malformed: Please use the format: +1234567890.'),
    ],
    ['a number that is a number', { to: 491_701_234_567 }, hash('Param to must be a string.')],
    [
      'a malformed scoped id',
      { to: undefined, recipient: '4917' },
      invalid('The business-scoped user id is malformed.'),
    ],
    ['a scoped id that is no text', { to: undefined, recipient: 1 }, hash('Param recipient must be a string.')],
    ['an unknown field', { priority: 1 }, hash('Unexpected key "priority" on param "".')],
    ['an unknown field inside', { text: { body: 'x', bold: true } }, hash('Unexpected key "bold" on param "text".')],
    [
      'an unknown field deep inside',
      buttons({ ...reply({}), color: 'red' }),
      hash(`Unexpected key "color" on param "interactive['action']['buttons'][0]".`),
    ],
    [
      'another type',
      { type: 'poem' },
      hash('Param type must be one of {TEXT, INTERACTIVE, TEMPLATE, REACTION} - got "poem".'),
    ],
    ['a group', { recipient_type: 'group' }, hash('Param recipient_type must be one of {INDIVIDUAL} - got "group".')],
    ['no text', { text: undefined }, missing('Parameter text is mandatory.')],
    ['a text that is no object', { text: 'x' }, hash('Param text must be a JSON object.')],
    ['a text without a body', { text: {} }, missing(`Parameter text['body'] is mandatory.`)],
    ['a body that is a number', { text: { body: 1 } }, hash(`Param text['body'] must be a string.`)],
    ['an empty body', { text: { body: ' ' } }, hash(`Param text['body'] must be at least 1 character long.`)],
    [
      '4,097 characters',
      { text: { body: 'x'.repeat(4_097) } },
      hash(`Param text['body'] must be at most 4096 characters long.`),
    ],
    [
      'a flag that is a text',
      { text: { body: 'x', preview_url: 'yes' } },
      hash(`Param text['preview_url'] must be a boolean.`),
    ],
    [
      '513 characters of its own',
      { biz_opaque_callback_data: 'x'.repeat(513) },
      hash('Param biz_opaque_callback_data must be at most 512 characters long.'),
    ],
    ['an answer to nothing', { context: { message_id: 'wamid.x' } }, invalid('Message id wamid.x is not found')],
    [
      'an interactive kind there is not',
      interactive({ type: 'poll', body: { text: 'x' }, action: {} }),
      hash(`Param interactive['type'] must be one of {BUTTON, LIST} - got "poll".`),
    ],
    [
      'an interactive message without a body',
      interactive({ type: 'button', action: { buttons: [reply({})] } }),
      missing(`Parameter interactive['body'] is mandatory.`),
    ],
    [
      '1,025 characters over buttons',
      interactive({ type: 'button', body: { text: 'x'.repeat(1_025) }, action: { buttons: [reply({})] } }),
      hash(`Param interactive['body']['text'] must be at most 1024 characters long.`),
    ],
    [
      '61 characters under them',
      interactive({
        type: 'button',
        body: { text: 'x' },
        footer: { text: 'x'.repeat(61) },
        action: { buttons: [reply({})] },
      }),
      hash(`Param interactive['footer']['text'] must be at most 60 characters long.`),
    ],
    [
      '61 characters as header',
      interactive({
        type: 'button',
        header: { type: 'text', text: 'x'.repeat(61) },
        body: { text: 'x' },
        action: { buttons: [reply({})] },
      }),
      hash(`Param interactive['header']['text'] must be at most 60 characters long.`),
    ],
    ['no button', buttons(), invalid('Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3')],
    [
      'four buttons',
      withButtons('A', 'B', 'C', 'D'),
      invalid('Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3'),
    ],
    [
      'buttons that are no list',
      interactive({ type: 'button', body: { text: 'x' }, action: { buttons: {} } }),
      hash(`Param interactive['action']['buttons'] must be an array.`),
    ],
    ['21 characters on a button', buttons(reply({ title: 'x'.repeat(21) })), length('Button title', 20)],
    ['an empty button', buttons(reply({ title: '' })), length('Button title', 20)],
    ['257 characters as id', buttons(reply({ id: 'x'.repeat(257) })), length('Button id', 256)],
    [
      'an id with a space before it',
      buttons(reply({ id: ' a' })),
      invalid('Button id must not begin or end with spaces'),
    ],
    [
      'two buttons with one id',
      buttons(reply({}), reply({ title: 'B' })),
      invalid('Duplicated id found: "a". It must be unique.'),
    ],
    [
      'two buttons with one title',
      buttons(reply({}), reply({ id: 'b' })),
      invalid('Duplicated title found: "A". It must be unique.'),
    ],
    [
      'a button of another type',
      buttons({ type: 'url', reply: { id: 'a', title: 'A' } }),
      hash(`Param interactive['action']['buttons'][0]['type'] must be one of {REPLY} - got "url".`),
    ],
    ['no section', sections(), invalid('Invalid sections count. Min allowed sections: 1, Max allowed sections: 10')],
    ['no row', sections({ rows: [] }), invalid('Invalid rows count. Min allowed rows: 1, Max allowed rows: 10')],
    [
      '11 rows in two sections',
      sections({ title: 'A', rows: rows(6) }, { title: 'B', rows: rows(5, 6) }),
      invalid('Total row count exceed max allowed count: 10'),
    ],
    [
      'two sections without titles',
      sections({ rows: rows(1) }, { rows: rows(1, 1) }),
      missing('Section title is required when there is more than one section'),
    ],
    [
      'two rows with one id',
      sections({ rows: [...rows(1), ...rows(1)] }),
      invalid('Duplicated id found: "r0". It must be unique.'),
    ],
    ['25 characters as row', sections({ rows: [{ id: 'a', title: 'x'.repeat(25) }] }), length('Row title', 24)],
    [
      '73 characters about a row',
      sections({ rows: [{ id: 'a', title: 'A', description: 'x'.repeat(73) }] }),
      length('Row description', 72),
    ],
    ['201 characters as id of a row', sections({ rows: [{ id: 'x'.repeat(201), title: 'A' }] }), length('Row id', 200)],
    [
      '21 characters to open a list',
      interactive({
        type: 'list',
        body: { text: 'x' },
        action: { button: 'x'.repeat(21), sections: [{ rows: rows(1) }] },
      }),
      length('Button label', 20),
    ],
    [
      'a reaction to nothing',
      { type: 'reaction', text: undefined, reaction: { message_id: 'wamid.x', emoji: '👍' } },
      invalid('Message id wamid.x is not found'),
    ],
    [
      'a reaction of letters',
      { type: 'reaction', text: undefined, reaction: { message_id: 'wamid.x', emoji: 'ok' } },
      invalid('Emoji is not valid'),
    ],
    [
      'a reaction that is a number',
      { type: 'reaction', text: undefined, reaction: { message_id: 'wamid.x', emoji: 1 } },
      hash(`Param reaction['emoji'] must be a string.`),
    ],
    [
      'a template nobody approved',
      template({ name: 'bye' }),
      [
        132_001,
        '(#132001) Template name does not exist in the translation',
        'template name (bye) does not exist in en_US',
      ],
    ],
    [
      'a template in another language',
      template({ language: { code: 'de' } }),
      [
        132_001,
        '(#132001) Template name does not exist in the translation',
        'template name (hello) does not exist in de',
      ],
    ],
    [
      'a template without its parameter',
      template({}),
      [
        132_000,
        '(#132000) Number of parameters does not match the expected number of params',
        'body: number of localizable_params (0) does not match the expected number of params (1)',
      ],
    ],
    [
      'a part of a template there is not',
      template({ components: [{ type: 'footer' }] }),
      hash(`Param template['components'][0]['type'] must be one of {HEADER, BODY, BUTTON} - got "footer".`),
    ],
    [
      'a picture',
      { type: 'image', text: undefined, image: { id: '1' } },
      [131_051, '(#131051) Unsupported message type', 'Message type is currently not supported.'],
    ],
    [
      'a read mark without a message',
      { status: 'read', to: undefined, type: undefined, text: undefined },
      missing('Parameter message_id is mandatory.'),
    ],
    [
      'a read mark on nothing',
      { status: 'read', message_id: 'wamid.x', to: undefined, type: undefined, text: undefined },
      invalid('Message id wamid.x is not found'),
    ],
    [
      'dots of another type',
      {
        status: 'read',
        message_id: 'wamid.x',
        typing_indicator: { type: 'audio' },
        to: undefined,
        type: undefined,
        text: undefined,
      },
      hash(`Param typing_indicator['type'] must be one of {TEXT} - got "audio".`),
    ],
  ])('%s', async (_, more, [code, message, details]) => {
    const { simulator } = await startWhatsApp({ templates: [{ name: 'hello', language: 'en_US', body: 'Hi {{1}}' }] })
    simulator.user(PHONE).says('hello')
    const answer = await send(simulator, more)
    expect(answer.http).toBe(code === 132_001 ? 404 : 400)
    expect(answer.body.error).toMatchObject({ message, code, type: 'OAuthException', fbtrace_id: expect.any(String) })
    expect(answer.body.error?.error_data?.details).toBe(details)
    expect(simulator.ledger.newMessages()).toBe(0)
    expect(simulator.ledger.requests.at(-1)).toMatchObject({ status: answer.http, code })
  })
})

describe('a request is refused', () => {
  test('without the right bearer token: 401, code 190', async () => {
    const { simulator } = await startWhatsApp()
    const ask = async (headers: Record<string, string>) => {
      const response = await fetch(`${simulator.url}/v23.0/${simulator.phoneNumberId}/messages`, {
        method: 'POST',
        headers,
        body: '{}',
      })
      return [response.status, ((await response.json()) as { error: { code: number } }).error.code]
    }
    for (const headers of [
      {},
      { authorization: 'Bearer wrong' },
      { authorization: `Basic ${simulator.token}` },
    ] as Record<string, string>[])
      expect(await ask(headers)).toEqual([401, 190])
    const json = { authorization: `Bearer ${simulator.token}`, 'content-type': 'text/plain' }
    expect(await ask(json)).toEqual([400, 100])
  })

  test('for another number, another object, another path, and a body that is no object', async () => {
    const { simulator } = await startWhatsApp()
    const errorOf = async (body: unknown, path?: string) => (await post(simulator, body, path)).body.error
    expect(await errorOf({}, '/v23.0/1/messages')).toMatchObject({
      code: 100,
      error_subcode: 33,
      message: expect.stringContaining(`Unsupported post request. Object with ID '1' does not exist`),
    })
    expect(await errorOf({}, '/v23.0/1')).toMatchObject({ error_subcode: 33 })
    expect(await errorOf({}, '/v23.0/1/calls')).toMatchObject({
      code: 2_500,
      message: 'Unknown path components: /calls',
    })
    expect(await errorOf({}, '/messages')).toMatchObject({ code: 2_500 })
    expect(await errorOf('{')).toMatchObject({ code: 100 })
    expect(await errorOf('[]')).toMatchObject({ code: 100 })
  })

  test('24 hours after the person last wrote, unless it is a template', async () => {
    let time = 1_800_000_000_000
    const templates = [{ name: 'hello', language: 'en_US', body: 'Hi {{1}}' }]
    const { simulator } = await startWhatsApp({ now: () => time, templates })
    const person = simulator.user(PHONE)
    expect((await send(simulator)).body.error?.code).toBe(131_047)
    person.says('hello')
    time += 86_399_999
    expect((await send(simulator)).http).toBe(200)
    time += 1
    expect(await send(simulator)).toMatchObject({
      http: 400,
      body: { error: { message: '(#131047) Re-engagement message', code: 131_047 } },
    })
    const components = [{ type: 'body', parameters: [{ type: 'text', text: 'Ada' }] }]
    expect((await send(simulator, template({ components }))).body.messages).toMatchObject([
      { message_status: 'accepted' },
    ])
    expect(simulator.ledger.conversation(PHONE).at(-1)?.text).toBe('Hi Ada')
    person.says('again')
    expect((await send(simulator)).http).toBe(200)
  })

  test('with the window off, never for silence', async () => {
    const { simulator } = await startWhatsApp({ window: 'off' })
    simulator.user(PHONE)
    expect((await send(simulator)).http).toBe(200)
  })

  test('when it is the second within 6 seconds to one person, after the burst', async () => {
    let time = 1_800_000_000_000
    const { simulator } = await startWhatsApp({ now: () => time, limits: { pair: { burst: 2 } } })
    simulator.user(PHONE).says('hello')
    const codes: (number | undefined)[] = []
    for (const wait of [0, 0, 0, 5_999, 1, 0]) {
      time += wait
      codes.push((await send(simulator)).body.error?.code)
    }
    expect(codes).toEqual([undefined, undefined, 131_056, 131_056, undefined, 131_056])
    simulator.user('491700000002').says('hello')
    expect((await send(simulator, { to: '491700000002' })).http).toBe(200)
  })

  test('when there are too many a second, in and out together', async () => {
    let time = 1_800_000_000_000
    const { simulator } = await startWhatsApp({ now: () => time, limits: { messagesPerSecond: 2, pair: false } })
    simulator.user(PHONE).says('hello')
    expect((await send(simulator)).http).toBe(200)
    expect(await send(simulator)).toMatchObject({ http: 429, body: { error: { code: 130_429 } } })
    time += 1_000
    expect((await send(simulator)).http).toBe(200)
  })
})

test('neither an empty app secret nor a person without an address is possible', async () => {
  await expect(startWhatsAppSimulator({ webhookUrl: 'http://127.0.0.1', appSecret: '' })).rejects.toThrow(
    'The app secret is empty',
  )
  const { simulator } = await startWhatsApp()
  expect(() => simulator.user('Ada')).toThrow(
    '"Ada" is neither a number in digits nor a business-scoped id like US.1349.',
  )
})
