import { describe, expect, test } from 'vitest'
import { bot, startTelegram, updates } from './telegram-bot.ts'

const CHAT = 1001
const keyboard = (...buttons: readonly object[]) => ({ inline_keyboard: [buttons] })

describe('a person', () => {
  test('is heard by getUpdates: text, answer, edit, file, reaction, block', async () => {
    const simulator = await startTelegram()
    await bot(simulator, 'getUpdates', {
      allowed_updates: ['message', 'edited_message', 'my_chat_member', 'message_reaction'],
    })
    const person = simulator.user(CHAT, { firstName: 'Ada', username: 'ada' })
    const first = person.says('/new fix the login')
    person.says('and quickly', { replyTo: first.message_id })
    person.edits(first.message_id, 'fix the logout')
    person.sendsFile({ name: 'log.txt', bytes: Buffer.from('boom'), caption: 'see' })
    person.reacts(first.message_id, '👍')
    person.blocks()
    const heard = await updates(simulator)
    expect(heard.map(({ update_id }) => update_id - (heard[0]?.update_id ?? 0))).toEqual([0, 1, 2, 3, 4, 5])
    expect(heard).toMatchObject([
      {
        message: {
          message_id: 1,
          from: { id: CHAT, is_bot: false, first_name: 'Ada', username: 'ada' },
          chat: { id: CHAT, type: 'private' },
          text: '/new fix the login',
          entities: [{ type: 'bot_command', offset: 0, length: 4 }],
        },
      },
      { message: { text: 'and quickly', reply_to_message: { message_id: 1 } } },
      { edited_message: { message_id: 1, text: 'fix the logout' } },
      { message: { caption: 'see', document: { file_name: 'log.txt', file_size: 4 } } },
      { message_reaction: { message_id: 1, new_reaction: [{ type: 'emoji', emoji: '👍' }] } },
      { my_chat_member: { old_chat_member: { status: 'member' }, new_chat_member: { status: 'kicked' } } },
    ])
  })

  test('presses a button, is told so, and may press what an edit took away', async () => {
    const simulator = await startTelegram()
    const person = simulator.user(CHAT)
    person.says('hello')
    await bot(simulator, 'sendMessage', {
      chat_id: CHAT,
      text: 'Sure?',
      reply_markup: keyboard({ text: 'Yes', callback_data: 'y' }),
    })
    const query = person.presses(2, 'y')
    const [, pressed] = await updates(simulator)
    expect(pressed).toMatchObject({
      callback_query: { id: query, data: 'y', from: { id: CHAT }, message: { message_id: 2 } },
    })
    expect(simulator.ledger.answerTo(query)).toBeUndefined()
    expect((await bot(simulator, 'answerCallbackQuery', { callback_query_id: query, text: 'Done' })).result).toBe(true)
    expect(simulator.ledger.answerTo(query)).toEqual({ text: 'Done', isAlert: false })
    await bot(simulator, 'editMessageText', { chat_id: CHAT, message_id: 2, text: 'Sure.' })
    expect(person.presses(2, 'y')).not.toBe(query)
    expect(() => person.presses(2, 'n')).toThrow('Message 2 never had a button with the data "n".')
    expect(() => person.presses(7, 'y')).toThrow('Message 7 never had a button')
  })

  test('waits a minute for the answer to a button, and no longer', async () => {
    let time = 1_800_000_000_000
    const simulator = await startTelegram({ now: () => time })
    const person = simulator.user(CHAT)
    person.says('hello')
    await bot(simulator, 'sendMessage', {
      chat_id: CHAT,
      text: 'Sure?',
      reply_markup: keyboard({ text: 'Yes', callback_data: 'y' }),
    })
    const answer = (callback_query_id: string, text = '') =>
      bot(simulator, 'answerCallbackQuery', { callback_query_id, text })
    const query = person.presses(2, 'y')
    time += 60_000
    expect((await answer(query, 'x'.repeat(201))).description).toBe('Bad Request: MESSAGE_TOO_LONG')
    expect((await answer(query)).http).toBe(200)
    time += 1
    expect((await answer(query)).description).toContain('query is too old')
  })

  test('cannot do what nobody can', async () => {
    const simulator = await startTelegram()
    const person = simulator.user(CHAT)
    person.says('hello')
    await bot(simulator, 'sendMessage', { chat_id: CHAT, text: 'hi' })
    expect(() => person.edits(2, 'mine')).toThrow('Message 2 is not by User 1001.')
    expect(() => person.says('x', { replyTo: 9 })).toThrow('There is no message 9 to answer.')
    expect(() => person.says('x', { thread: 9 })).toThrow('There is no topic 9.')
    expect(() => person.says('x', { chat: -1 })).toThrow('There is no group -1.')
    const group = simulator.group()
    const old = group.id
    expect(() => group.topic()).toThrow('Only forums have topics')
    group.migrates()
    expect(() => person.says('x', { chat: old })).toThrow(`The group went on as ${group.id}`)
    expect(() => group.migrates()).toThrow('Only basic groups migrate.')
  })
})

describe('a group', () => {
  test('with privacy lets the bot hear commands that may be its own and answers to it', async () => {
    const simulator = await startTelegram({ username: 'helper_bot' })
    const { id: chat } = simulator.group()
    const person = simulator.user(CHAT)
    for (const text of ['free text', '/status', '/status@helper_bot', '/status@other_bot', 'see a/b'])
      person.says(text, { chat })
    const sent = await bot<{ message_id: number }>(simulator, 'sendMessage', { chat_id: chat, text: 'Which one?' })
    person.says('the second', { chat, replyTo: sent.result.message_id })
    expect((await updates(simulator)).map(({ message }) => message?.text)).toEqual([
      '/status',
      '/status@helper_bot',
      'the second',
    ])
  })

  test('without privacy lets it hear all, and nothing once it is out', async () => {
    const simulator = await startTelegram({ privacy: false })
    const group = simulator.group()
    const person = simulator.user(CHAT)
    person.says('free text', { chat: group.id })
    group.throwsBotOut()
    person.says('/status', { chat: group.id })
    const heard = await updates(simulator)
    expect(heard.map(({ message, my_chat_member }) => message?.text ?? my_chat_member?.new_chat_member.status)).toEqual(
      ['free text', 'kicked'],
    )
    expect(
      (await bot<{ can_read_all_group_messages: boolean }>(simulator, 'getMe')).result.can_read_all_group_messages,
    ).toBe(true)
  })

  test('that is a forum keeps messages in their topics', async () => {
    const simulator = await startTelegram({ privacy: false })
    const group = simulator.group({ forum: true })
    const thread = group.topic()
    simulator.user(CHAT).says('here', { chat: group.id, thread })
    expect((await updates(simulator))[0]).toMatchObject({
      message: { message_thread_id: thread, is_topic_message: true },
    })
    await bot(simulator, 'sendMessage', { chat_id: group.id, message_thread_id: thread, text: 'Here too.' })
    expect(simulator.ledger.chat(group.id).at(-1)).toMatchObject({ text: 'Here too.', thread })
  })

  test('that migrates tells the bot in both chats', async () => {
    const simulator = await startTelegram()
    const group = simulator.group()
    const old = group.id
    const next = group.migrates()
    expect(await updates(simulator)).toMatchObject([
      { message: { chat: { id: old }, migrate_to_chat_id: next } },
      { message: { chat: { id: next, type: 'supergroup' }, migrate_from_chat_id: old } },
    ])
  })
})

describe('what a person sees', () => {
  test('is the chat as it is now: edits done, deleted messages gone, each new message counted', async () => {
    const simulator = await startTelegram()
    simulator.user(CHAT, { firstName: 'Ada' }).says('fix it')
    const send = (text: string, more = {}) => bot(simulator, 'sendMessage', { chat_id: CHAT, text, ...more })
    await send('Working', {
      reply_markup: keyboard({ text: 'Stop', callback_data: 's' }),
      reply_parameters: { message_id: 1 },
    })
    await bot(simulator, 'editMessageText', { chat_id: CHAT, message_id: 2, text: 'Done' })
    await send('Oops')
    expect((await bot(simulator, 'deleteMessage', { chat_id: CHAT, message_id: 3 })).result).toBe(true)
    await bot(simulator, 'setMessageReaction', {
      chat_id: CHAT,
      message_id: 1,
      reaction: [{ type: 'emoji', emoji: '👀' }],
    })
    expect(simulator.ledger.chat(CHAT)).toEqual([
      { id: 1, from: 'Ada', text: 'fix it', buttons: [], edits: 0, reactions: ['👀'] },
      { id: 2, from: 'bot', text: 'Done', buttons: [], edits: 1, reactions: [], replyTo: 1 },
    ])
    expect([simulator.ledger.newMessages(CHAT), simulator.ledger.newMessages()]).toEqual([2, 2])
    expect((await bot(simulator, 'editMessageText', { chat_id: CHAT, message_id: 3, text: 'x' })).description).toBe(
      'Bad Request: message to edit not found',
    )
  })

  test('has buttons that an edit without them takes away, and one of the buttons alone keeps the text', async () => {
    const simulator = await startTelegram()
    simulator.user(CHAT).says('hello')
    const reply_markup = keyboard({ text: 'A', callback_data: 'a', style: 'danger' })
    await bot(simulator, 'sendMessage', { chat_id: CHAT, text: '*A*', parse_mode: 'MarkdownV2', reply_markup })
    const edit = (more: object) =>
      bot<object>(simulator, 'editMessageReplyMarkup', { chat_id: CHAT, message_id: 2, ...more })
    expect(simulator.ledger.chat(CHAT)[1]?.buttons).toEqual([[{ text: 'A', callback_data: 'a', style: 'danger' }]])
    expect((await edit({})).result).toMatchObject({ text: 'A', entities: [{ type: 'bold' }] })
    expect(simulator.ledger.chat(CHAT)[1]?.buttons).toEqual([])
    expect((await edit({ reply_markup })).http).toBe(200)
  })

  test('are previews for half a minute, or until the message comes', async () => {
    let time = 1_800_000_000_000
    const simulator = await startTelegram({ now: () => time })
    simulator.user(CHAT).says('hello')
    const draft = (text: string) => bot(simulator, 'sendMessageDraft', { chat_id: CHAT, draft_id: 7, text })
    await draft('Thinking')
    await draft('Thinking more')
    expect(simulator.ledger.drafts(CHAT)).toEqual(['Thinking more'])
    time += 30_000
    expect(simulator.ledger.drafts(CHAT)).toEqual([])
    await draft('Almost')
    await bot(simulator, 'sendMessage', { chat_id: CHAT, text: 'Done' })
    expect(simulator.ledger.drafts(CHAT)).toEqual([])
    expect(simulator.ledger.newMessages(CHAT)).toBe(1)
  })

  test('is that the bot types', async () => {
    const simulator = await startTelegram()
    simulator.user(CHAT).says('hello')
    expect((await bot(simulator, 'sendChatAction', { chat_id: CHAT, action: 'typing' })).result).toBe(true)
    expect(simulator.ledger.actions(CHAT)).toEqual(['typing'])
  })

  test('is not edited away by deleting what is two days old', async () => {
    let time = 1_800_000_000_000
    const simulator = await startTelegram({ now: () => time })
    simulator.user(CHAT).says('hello')
    await bot(simulator, 'sendMessage', { chat_id: CHAT, text: 'x' })
    time += 172_801_000
    expect((await bot(simulator, 'deleteMessage', { chat_id: CHAT, message_id: 2 })).description).toBe(
      `Bad Request: message can't be deleted for everyone`,
    )
  })
})

describe('the API', () => {
  test('takes parameters in the address, as a form, as JSON and in parts, and methods in any case', async () => {
    const { url, token, user, ledger } = await startTelegram()
    user(CHAT).says('hello')
    const base = `${url}/bot${token}/SENDMESSAGE`
    const form = new FormData()
    form.set('chat_id', String(CHAT))
    form.set('text', 'parts')
    await fetch(`${base}?chat_id=${CHAT}&text=address`)
    await fetch(base, { method: 'POST', body: new URLSearchParams({ chat_id: String(CHAT), text: 'form' }) })
    await fetch(base, { method: 'POST', body: form })
    expect(ledger.chat(CHAT).map(({ text }) => text)).toEqual(['hello', 'address', 'form', 'parts'])
  })

  test('carries files both ways', async () => {
    const simulator = await startTelegram()
    const { url, token } = simulator
    const person = simulator.user(CHAT)
    const { document } = person.sendsFile({ name: 'a/b c.txt', bytes: Buffer.from('content'), type: 'text/plain' })
    const { result } = await bot<{ file_path: string }>(simulator, 'getFile', { file_id: document?.file_id })
    expect(await (await fetch(`${url}/file/bot${token}/${result.file_path}`)).text()).toBe('content')
    const form = new FormData()
    form.set('chat_id', String(CHAT))
    form.set('document', 'attach://the_diff')
    form.set('the_diff', new Blob(['+ line']), 'change.diff')
    form.set('caption', '<b>Diff</b>')
    form.set('parse_mode', 'HTML')
    const response = await fetch(`${url}/bot${token}/sendDocument`, { method: 'POST', body: form })
    expect(await response.json()).toMatchObject({
      result: {
        document: { file_name: 'change.diff', file_size: 6 },
        caption: 'Diff',
        caption_entities: [{ type: 'bold' }],
      },
    })
    expect(simulator.ledger.chat(CHAT).at(-1)).toMatchObject({ document: 'change.diff', text: 'Diff' })
    const again = await bot(simulator, 'sendDocument', { chat_id: CHAT, document: document?.file_id })
    expect(again.result).toMatchObject({ document: { file_name: 'a/b c.txt' } })
    form.set('the_diff', new Blob([]), 'empty.diff')
    const empty = await fetch(`${url}/bot${token}/sendDocument`, { method: 'POST', body: form })
    expect(await empty.json()).toMatchObject({ description: 'Bad Request: file must be non-empty' })
    const large = person.sendsFile({ name: 'large', bytes: Buffer.alloc(20 * 1_024 * 1_024 + 1) })
    expect((await bot(simulator, 'getFile', { file_id: large.document?.file_id })).description).toBe(
      'Bad Request: file is too big',
    )
  })

  test('keeps the commands, without a slash', async () => {
    const simulator = await startTelegram()
    await bot(simulator, 'setMyCommands', { commands: [{ command: '/new', description: ' New task ' }] })
    expect((await bot(simulator, 'getMyCommands')).result).toEqual([{ command: 'new', description: 'New task' }])
  })

  test('notes parameters a method does not have, and ignores them', async () => {
    const simulator = await startTelegram()
    simulator.user(CHAT).says('hello')
    await bot(simulator, 'sendMessage', { chat_id: CHAT, text: 'x', markdown: true, disable_notification: true })
    expect(simulator.ledger.calls[0]).toMatchObject({ status: 200, strays: ['markdown'] })
    await bot(simulator, 'sendMessage', { chat_id: CHAT, text: 'x', entities: '[' })
    expect(simulator.ledger.calls[1]).toMatchObject({ status: 200, strays: ['entities'] })
    await bot(simulator, 'sendMessage', { chat_id: CHAT, text: 'x', entities: [] })
    expect(simulator.ledger.calls[2]?.strays).toBeUndefined()
  })

  test('has messages answer one that is gone when it may', async () => {
    const simulator = await startTelegram()
    simulator.user(CHAT).says('hello')
    const reply_parameters = { message_id: 9, allow_sending_without_reply: true }
    const { result } = await bot(simulator, 'sendMessage', { chat_id: CHAT, text: 'x', reply_parameters })
    expect(result).not.toHaveProperty('reply_to_message')
  })
})
