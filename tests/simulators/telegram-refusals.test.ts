import { describe, expect, test } from 'vitest'
import { bot, startTelegram } from './telegram-bot.ts'

const CHAT = 1001
const keyboard = (...buttons: readonly object[]) => ({ inline_keyboard: [buttons] })

/** A bot with a chat that holds a message of the person (1) and one of the bot (2). */
async function withChat(options: Parameters<typeof startTelegram>[0] = {}) {
  const simulator = await startTelegram(options)
  const person = simulator.user(CHAT)
  person.says('hello')
  await bot(simulator, 'sendMessage', {
    chat_id: CHAT,
    text: 'hi',
    reply_markup: keyboard({ text: 'A', callback_data: 'a' }),
  })
  return { simulator, person }
}

describe('a call is refused in the words of the service', () => {
  const send = (more: object) => ['sendMessage', { chat_id: CHAT, text: 'x', ...more }] as const
  const markup = (reply_markup: unknown) => send({ reply_markup })
  const button = (one: unknown) => markup({ inline_keyboard: [[one]] })
  const edit = (more: object) => ['editMessageText', { chat_id: CHAT, message_id: 2, text: 'x', ...more }] as const
  const parsed = (parse_mode: string, text: string) => send({ parse_mode, text })
  const entity = (one: object) => send({ entities: [one] })
  const react = (reaction: unknown) => ['setMessageReaction', { chat_id: CHAT, message_id: 1, reaction }] as const
  const command = (one: unknown) => ['setMyCommands', { commands: [one] }] as const
  const hook = (more: object) => ['setWebhook', { url: 'https://bot.example', ...more }] as const
  const parse = "can't parse entities: "
  const reserved = (char: string) =>
    `${parse}Character '${char}' is reserved and must be escaped with the preceding '\\'`
  const notModified =
    'message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message'

  test.each<[string, readonly [string, object], string]>([
    ['no chat', ['sendMessage', { text: 'x' }], 'chat_id is empty'],
    ['a chat nobody opened', send({ chat_id: 4711 }), 'chat not found'],
    ['no text', send({ text: '' }), 'message text is empty'],
    ['a text of spaces', send({ text: ' \n ' }), 'text must be non-empty'],
    ['4,097 characters', send({ text: 'x'.repeat(4_097) }), 'message is too long'],
    ['2,049 characters of two units', send({ text: '😀'.repeat(2_049) }), 'message is too long'],
    ['more than 32 KiB', send({ text: 'é'.repeat(16_385) }), 'text is too long'],
    ['another parse mode', parsed('BBCode', 'x'), 'unsupported parse_mode'],
    ['a topic there is not', send({ message_thread_id: 9 }), 'message thread not found'],
    ['an answer to nothing', send({ reply_parameters: { message_id: 99 } }), 'message to be replied not found'],
    ['reply parameters of no form', send({ reply_parameters: [] }), 'object expected as reply parameters'],
    ['reply parameters without an id', send({ reply_parameters: {} }), `can't find field "message_id"`],
    ['reply parameters that are no JSON', send({ reply_parameters: '{' }), `can't parse reply parameters JSON object`],
    ['a keyboard that is no JSON', markup('{'), `can't parse reply keyboard markup JSON object`],
    ['a keyboard that is no object', markup([]), 'object expected as reply markup'],
    ['rows that are no list', markup({ inline_keyboard: 'a' }), 'field "inline_keyboard" must be of type Array'],
    ['a row that is no list', markup({ inline_keyboard: [{}] }), 'field "inline_keyboard" must be an Array of Arrays'],
    [
      'a button that is no object',
      button('a'),
      `can't parse inline keyboard button: InlineKeyboardButton must be an Object`,
    ],
    [
      'a button without text',
      button({ callback_data: 'a' }),
      `can't parse inline keyboard button: Can't find field "text"`,
    ],
    [
      'a button with a number for text',
      button({ text: 1, callback_data: 'a' }),
      `can't parse inline keyboard button: Field "text" must be of type String`,
    ],
    [
      'a button that does nothing',
      button({ text: 'a' }),
      `can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard`,
    ],
    [
      'a button in another style',
      button({ text: 'a', callback_data: 'a', style: 'loud' }),
      `can't parse inline keyboard button: Invalid button style specified`,
    ],
    ['a button with an empty text', button({ text: ' ', callback_data: 'a' }), 'BUTTON_TEXT_INVALID'],
    ['65 bytes of data', button({ text: 'a', callback_data: 'x'.repeat(65) }), 'BUTTON_DATA_INVALID'],
    ['33 characters of two bytes as data', button({ text: 'a', callback_data: 'é'.repeat(33) }), 'BUTTON_DATA_INVALID'],
    [
      'a button to localhost',
      button({ text: 'a', url: 'http://localhost/x' }),
      `inline keyboard button URL 'http://localhost/x' is invalid: Wrong HTTP URL`,
    ],
    [
      '101 buttons',
      markup(keyboard(...Array.from({ length: 101 }, () => ({ text: 'a', callback_data: 'a' })))),
      'REPLY_MARKUP_TOO_LONG',
    ],
    ['a point that is not escaped', parsed('MarkdownV2', 'Done.'), reserved('.')],
    ['a lone bar', parsed('MarkdownV2', 'a | b'), reserved('|')],
    ['bold without an end', parsed('MarkdownV2', 'é *bold'), `${parse}Can't find end of Bold entity at byte offset 3`],
    [
      'italic over a closing quote',
      parsed('MarkdownV2', '>_a\nb_'),
      `${parse}Can't find end of Italic entity at byte offset 1`,
    ],
    [
      'code without an end',
      parsed('MarkdownV2', '```ts\nx'),
      `${parse}Can't find end of PreCode entity at byte offset 0`,
    ],
    [
      'an address without an end',
      parsed('MarkdownV2', '[a](http://x'),
      `${parse}Can't find end of a URL at byte offset 4`,
    ],
    [
      'old Markdown without an end',
      parsed('Markdown', 'snake_case'),
      `${parse}Can't find end of the entity starting at byte offset 5`,
    ],
    [
      'old code without an end',
      parsed('Markdown', '```x'),
      `${parse}Can't find end of the entity starting at byte offset 0`,
    ],
    ['a tag there is not', parsed('HTML', 'a <div>'), `${parse}Unsupported start tag "div" at byte offset 2`],
    ['a comparison taken for a tag', parsed('HTML', 'a < b'), `${parse}Unsupported start tag "" at byte offset 2`],
    ['a tag without an end', parsed('HTML', '<b>a'), `${parse}Can't find end tag corresponding to start tag "b"`],
    [
      'crossed tags',
      parsed('HTML', '<b><i>a</b></i>'),
      `${parse}Unmatched end tag at byte offset 7, expected "</i>", found "</b>"`,
    ],
    ['an end without a start', parsed('HTML', 'a</b>'), `${parse}Unexpected end tag at byte offset 1`],
    ['a start tag that stays open', parsed('HTML', 'a <b'), `${parse}Unclosed start tag at byte offset 2`],
    ['an end tag that stays open', parsed('HTML', '<b>a</b'), `${parse}Unclosed end tag at byte offset 4`],
    [
      'an attribute without a value',
      parsed('HTML', '<a href>x</a>'),
      `${parse}Expected equal sign in declaration of an attribute of the tag "a" at byte offset 0`,
    ],
    [
      'an attribute without a name',
      parsed('HTML', '<a ="x">x</a>'),
      `${parse}Empty attribute name in the tag "a" at byte offset 0`,
    ],
    [
      'a span of another class',
      parsed('HTML', '<span class="x">x</span>'),
      `${parse}Tag "span" must have class "tg-spoiler" at byte offset 0`,
    ],
    [
      'an emoji without an id',
      parsed('HTML', '<tg-emoji emoji-id="x">x</tg-emoji>'),
      'invalid custom emoji identifier specified',
    ],
    ['an entity that is no object', send({ entities: ['bold'] }), `can't parse MessageEntity: expected an Object`],
    [
      'an entity without an offset',
      entity({ type: 'bold', length: 1 }),
      `can't parse MessageEntity: Can't find field "offset"`,
    ],
    [
      'an entity with a text as length',
      entity({ type: 'bold', offset: 0, length: '1' }),
      `can't parse MessageEntity: Field "length" must be of type Number`,
    ],
    [
      'an entity without a type',
      entity({ offset: 0, length: 1 }),
      `can't parse MessageEntity: Can't find field "type"`,
    ],
    [
      'an entity with a number as type',
      entity({ type: 1, offset: 0, length: 1 }),
      `can't parse MessageEntity: Field "type" must be of type String`,
    ],
    [
      'an entity of another type',
      entity({ type: 'loud', offset: 0, length: 1 }),
      `can't parse MessageEntity: Unsupported type specified`,
    ],
    [
      'a link without an address',
      entity({ type: 'text_link', offset: 0, length: 1 }),
      `can't parse MessageEntity: Can't find field "url"`,
    ],
    [
      'an entity before the text',
      entity({ type: 'bold', offset: -1, length: 1 }),
      'receive an entity with incorrect offset -1',
    ],
    [
      'an entity after the text',
      entity({ type: 'bold', offset: 5, length: 1 }),
      'entity begins after the end of the text at UTF-16 offset 5',
    ],
    [
      'an entity past the text',
      entity({ type: 'bold', offset: 0, length: 2 }),
      'entity beginning at UTF-16 offset 0 ends after the end of the text at UTF-16 offset 2',
    ],
    [
      'entities that cut each other',
      send({
        text: 'abcd',
        entities: [
          { type: 'bold', offset: 0, length: 2 },
          { type: 'italic', offset: 1, length: 2 },
        ],
      }),
      'entity beginning at UTF-16 offset 1 ends after the end of the text at UTF-16 offset 3',
    ],
    [
      'an entity that starts inside a character',
      send({ text: '😀', entities: [{ type: 'bold', offset: 1, length: 1 }] }),
      'entity begins in a middle of a UTF-16 symbol at byte offset 3',
    ],
    [
      'an entity that ends inside a character',
      send({ text: '😀', entities: [{ type: 'bold', offset: 0, length: 1 }] }),
      'entity beginning at UTF-16 offset 0 ends in a middle of a UTF-16 symbol at byte offset 3',
    ],
    ['an edit without a message', ['editMessageText', { text: 'x' }], 'message identifier is not specified'],
    ['an edit of the message 0', edit({ message_id: 0 }), 'message to edit not found'],
    ['the end of a message nowhere', ['deleteMessage', { message_id: 1 }], 'chat identifier is not specified'],
    ['the end of no message', ['deleteMessage', { chat_id: CHAT }], 'message identifier is not specified'],
    ['an edit of nothing', edit({ message_id: 99 }), 'message to edit not found'],
    ['an edit of a person’s message', edit({ message_id: 1 }), `message can't be edited`],
    [
      'an edit that changes nothing',
      edit({ text: 'hi', reply_markup: keyboard({ text: 'A', callback_data: 'a' }) }),
      notModified,
    ],
    [
      'buttons that stay the same',
      [
        'editMessageReplyMarkup',
        { chat_id: CHAT, message_id: 2, reply_markup: keyboard({ text: 'A', callback_data: 'a' }) },
      ],
      notModified,
    ],
    [
      'the end of a message that is not there',
      ['deleteMessage', { chat_id: CHAT, message_id: 99 }],
      'message to delete not found',
    ],
    [
      'a reaction to nothing',
      ['setMessageReaction', { chat_id: CHAT, message_id: 99, reaction: [] }],
      'message to react not found',
    ],
    ['reactions that are no list', react({}), 'expected an Array of ReactionType'],
    ['a reaction without a type', react([{}]), `can't parse ReactionType: Can't find field "type"`],
    [
      'a reaction of another type',
      react([{ type: 'loud' }]),
      `can't parse ReactionType: invalid reaction type specified`,
    ],
    ['a reaction the service has not', react([{ type: 'emoji', emoji: '✅' }]), 'REACTION_INVALID'],
    [
      'two reactions',
      react([
        { type: 'emoji', emoji: '👀' },
        { type: 'emoji', emoji: '👍' },
      ]),
      'REACTIONS_TOO_MANY',
    ],
    ['another action', ['sendChatAction', { chat_id: CHAT, action: 'thinking' }], 'wrong parameter action in request'],
    [
      'an answer to no question',
      ['answerCallbackQuery', { callback_query_id: '1' }],
      'query is too old and response timeout expired or query ID is invalid',
    ],
    ['no document', ['sendDocument', { chat_id: CHAT }], 'there is no document in the request'],
    [
      'a document nobody sent',
      ['sendDocument', { chat_id: CHAT, document: 'BQAC' }],
      'wrong file identifier/HTTP URL specified',
    ],
    [
      'a long caption',
      ['sendDocument', { chat_id: CHAT, document: 'x', caption: 'x'.repeat(1_025) }],
      'message caption is too long',
    ],
    ['no file', ['getFile', {}], 'file_id not specified'],
    ['a file there is not', ['getFile', { file_id: 'x' }], 'wrong file_id or the file is temporarily unavailable'],
    ['commands that are no list', ['setMyCommands', { commands: {} }], 'expected an Array of BotCommand'],
    ['a command that is no object', command('x'), `can't parse BotCommand: expected an Object`],
    ['a command without words', command({ command: 'x' }), `can't parse BotCommand: Can't find field "description"`],
    [
      'a command with a number as name',
      command({ command: 1, description: 'x' }),
      `can't parse BotCommand: Field "command" must be of type String`,
    ],
    ['a command with a dash', command({ command: 'a-b', description: 'x' }), 'BOT_COMMAND_INVALID'],
    ['a command with no description', command({ command: 'x', description: ' ' }), 'BOT_COMMAND_DESCRIPTION_INVALID'],
    [
      '101 commands',
      ['setMyCommands', { commands: Array.from({ length: 101 }, () => ({ command: 'x', description: 'x' })) }],
      'BOT_COMMANDS_TOO_MUCH',
    ],
    ['a webhook that is no address', hook({ url: 'https://' }), 'invalid webhook URL specified'],
    [
      'a webhook without TLS',
      hook({ url: 'http://bot.example' }),
      'bad webhook: An HTTPS URL must be provided for webhook',
    ],
    [
      'a webhook on another port',
      hook({ url: 'https://bot.example:8080' }),
      'bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443',
    ],
    ['a long secret', hook({ secret_token: 'x'.repeat(257) }), 'secret token is too long'],
    ['a secret with a point', hook({ secret_token: 'a.b' }), 'secret token contains unallowed characters'],
    ['a preview without an id', ['sendMessageDraft', { chat_id: CHAT, text: 'x', draft_id: 0 }], 'RANDOM_ID_INVALID'],
  ])('%s', async (_, [method, parameters], expected) => {
    const { simulator } = await withChat()
    const { http, ok, description } = await bot(simulator, method, parameters)
    expect([http, ok, description]).toEqual([400, false, `Bad Request: ${expected}`])
    expect(simulator.ledger.chat(CHAT).map(({ text, edits }) => [text, edits])).toEqual([
      ['hello', 0],
      ['hi', 0],
    ])
    expect(simulator.ledger.calls.at(-1)).toMatchObject({ method, status: 400, description })
  })
})

describe('who may call', () => {
  const ask = async (url: string, path: string, init: RequestInit = {}) => {
    const response = await fetch(`${url}${path}`, init)
    return [response.status, ((await response.json()) as { description: string }).description]
  }

  test('401 for another token, other words for what is no token, 404 for what is no call', async () => {
    const { url, token } = await startTelegram()
    expect(await ask(url, `/bot${token}x/getMe`)).toEqual([401, 'Unauthorized'])
    expect(await ask(url, '/botx/getMe')).toEqual([401, 'Unauthorized: invalid token specified'])
    expect(await ask(url, `/bot${token}/getMee`)).toEqual([404, 'Not Found: method not found'])
    expect(await ask(url, `/${token}/getMe`)).toEqual([404, 'Not Found'])
    expect(await ask(url, '/%E0%A4%A')).toEqual([404, 'Not Found'])
    expect(await ask(url, `/bot${token}/getMe`, { method: 'PUT', body: '{}' })).toEqual([404, 'Not Found'])
    expect(await ask(url, `/file/bot${token}/documents/x/x`)).toEqual([404, 'Not Found'])
  })

  test('a body that is not what its type says is refused', async () => {
    const { url, token } = await startTelegram()
    const post = (type: string, body: string) =>
      ask(url, `/bot${token}/getMe`, { method: 'POST', headers: { 'content-type': type }, body })
    const noJson = [400, `Bad Request: can't parse request body as a JSON object`]
    expect(await post('application/json', '{')).toEqual(noJson)
    expect(await post('application/json', '[]')).toEqual(noJson)
    expect(await post('multipart/form-data; boundary=x', 'y')).toEqual([
      400,
      `Bad Request: can't parse multipart/form-data`,
    ])
  })

  test('403 from who blocked the bot, until they write again', async () => {
    const { simulator, person } = await withChat()
    person.blocks()
    const say = () => bot(simulator, 'sendMessage', { chat_id: CHAT, text: 'x' })
    expect(await say()).toMatchObject({ http: 403, description: 'Forbidden: bot was blocked by the user' })
    person.says('again')
    expect((await say()).http).toBe(200)
  })

  test('403 from a group that threw the bot out', async () => {
    const simulator = await startTelegram()
    for (const [supergroup, type] of [
      [false, 'group'],
      [true, 'supergroup'],
    ] as const) {
      const group = simulator.group({ supergroup })
      group.throwsBotOut()
      const { http, description } = await bot(simulator, 'sendMessage', { chat_id: group.id, text: 'x' })
      expect([http, description]).toEqual([403, `Forbidden: bot was kicked from the ${type} chat`])
    }
  })

  test('a group that migrated says where it went', async () => {
    const simulator = await startTelegram()
    const group = simulator.group()
    const old = group.id
    const next = group.migrates()
    const refused = await bot(simulator, 'sendMessage', { chat_id: old, text: 'x' })
    expect(refused).toMatchObject({
      http: 400,
      description: 'Bad Request: group chat was upgraded to a supergroup chat',
      parameters: { migrate_to_chat_id: next },
    })
    expect((await bot(simulator, 'sendMessage', { chat_id: next, text: 'x' })).http).toBe(200)
    expect([group.id, simulator.ledger.newMessages(old), simulator.ledger.newMessages(next)]).toEqual([next, 0, 1])
  })

  test('previews are for private chats', async () => {
    const simulator = await startTelegram()
    const { id } = simulator.group()
    const refused = await bot(simulator, 'sendMessageDraft', { chat_id: id, draft_id: 1, text: 'x' })
    expect(refused.description).toBe('Bad Request: TEXTDRAFT_PEER_INVALID')
  })
})

describe('with rate limits', () => {
  async function clocked() {
    let time = 1_800_000_000_000
    const simulator = await startTelegram({ rateLimits: true, now: () => time })
    const say = (chat_id: number) => bot(simulator, 'sendMessage', { chat_id, text: 'x' })
    return { simulator, say, pass: (seconds: number) => (time += seconds * 1_000) }
  }

  test('a chat takes one message a second and says when the next may come', async () => {
    const { simulator, say, pass } = await clocked()
    simulator.user(CHAT).says('hello')
    expect((await say(CHAT)).http).toBe(200)
    const refused = await say(CHAT)
    expect(refused).toMatchObject({
      http: 429,
      description: 'Too Many Requests: retry after 1',
      parameters: { retry_after: 1 },
    })
    pass(1)
    expect((await say(CHAT)).http).toBe(200)
  })

  test('a group takes 20 messages a minute', async () => {
    const { simulator, say, pass } = await clocked()
    const { id } = simulator.group()
    for (let count = 0; count < 20; count++) {
      expect((await say(id)).http).toBe(200)
      pass(1)
    }
    expect(await say(id)).toMatchObject({ http: 429, parameters: { retry_after: 40 } })
    pass(40)
    expect((await say(id)).http).toBe(200)
  })

  test('all chats together take 30 messages a second', async () => {
    const { simulator, say } = await clocked()
    const people = Array.from({ length: 31 }, (_, index) => simulator.user(index + 1))
    for (const person of people) person.says('hello')
    const statuses: number[] = []
    for (const { id } of people) statuses.push((await say(id)).http)
    expect(statuses).toEqual([...Array.from({ length: 30 }, () => 200), 429])
  })
})
