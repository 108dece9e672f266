import { Client, Connection } from '@temporalio/client'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openStore } from '../../adapters/postgres/store.ts'
import { createTelegramChannel } from '../../adapters/telegram/telegram-channel.ts'
import { createTelegramReader } from '../../adapters/telegram/telegram-webhook.ts'
import type { ChatAccess } from '../../domain/chat/access.ts'
import type { ChatMessage } from '../../domain/chat/message.ts'
import type { Received } from '../../domain/ports/channel.ts'
import type { Store } from '../../domain/ports/store.ts'
import { startTelegramSimulator, type TelegramSimulator } from '../../simulators/telegram/server.ts'
import { createChatInbox } from '../../workers/chat/inbox.ts'
import { received } from '../support/chat/messages.ts'
import { freshDatabase } from '../support/database.ts'

let store: Store
let connection: Connection
let telegram: TelegramSimulator
let offset: number
beforeEach(async () => {
  store = await openStore({ url: await freshDatabase(), connections: 4 })
  // Nobody listens there, and nothing is tried again.
  connection = Connection.lazy({ address: '127.0.0.1:9', interceptors: [] })
  telegram = await startTelegramSimulator()
  offset = 0
})
afterEach(async () => {
  await Promise.all([connection.close(), telegram.close()])
  await store.close()
})

const inboxFor = (access: ChatAccess) =>
  createChatInbox({
    ...{ store, access, client: new Client({ connection }), logger: pino({ enabled: false }) },
    channels: new Map([['telegram', createTelegramChannel({ token: telegram.token, apiUrl: telegram.url })]]),
  })
/** What the service has shown the bot since it was asked last. */
async function heard(): Promise<readonly Received[]> {
  const answer = await fetch(`${telegram.url}/bot${telegram.token}/getUpdates?offset=${offset}`)
  const { result } = (await answer.json()) as { readonly result: readonly { readonly update_id: number }[] }
  offset = Math.max(offset, ...result.map(({ update_id }) => update_id + 1))
  return result.map(createTelegramReader(telegram.token).read)
}
/** A message as the service shows it to the bot. */
async function said(text: string): Promise<ChatMessage> {
  telegram.user(1001).says(text)
  return (await heard()).at(-1)?.messages[0] as ChatMessage
}
const acknowledged = () =>
  telegram.ledger.calls
    .filter(({ method }) => method === 'setMessageReaction' || method === 'sendChatAction')
    .map(({ method, parameters }) => [method, parameters['message_id'] ?? parameters['chat_id']])

describe('a message', () => {
  it('is acknowledged once however often it comes, before its conversation has been woken', async () => {
    const inbox = inboxFor({ mode: 'open' })
    const message = await said('fix the login')
    for (let copy = 0; copy < 5; copy++) await inbox.take({ messages: [message], reports: [] })
    await inbox.take({ messages: [await said('and the logout')], reports: [] })
    await expect.poll(acknowledged).toHaveLength(4)
    const ids = acknowledged().filter(([method]) => method === 'setMessageReaction')
    expect(new Set(ids.map(([, id]) => id)).size).toBe(2)
  })

  it('of somebody nobody has linked is not acknowledged', async () => {
    await inboxFor({ mode: 'linked' }).take({ messages: [await said('let me in')], reports: [] })
    await inboxFor({ mode: 'open' }).take({ messages: [await said('fix the login')], reports: [] })
    await expect.poll(acknowledged).toHaveLength(2)
    expect(await store.chats.neglected({ olderThanMs: 0, limit: 5 })).toHaveLength(1)
  })
})

describe('a pressed button', () => {
  /** Of a message of the bot in a group. */
  async function pressed(): Promise<string> {
    const group = telegram.group()
    const keyboard = JSON.stringify({ inline_keyboard: [[{ text: 'Approve', callback_data: '/approve approval-1' }]] })
    const query = new URLSearchParams({ chat_id: String(group.id), text: 'May I?', reply_markup: keyboard })
    await fetch(`${telegram.url}/bot${telegram.token}/sendMessage?${query.toString()}`)
    const message = telegram.ledger.chat(group.id).at(-1)?.id ?? 0
    return telegram.user(1001).presses(message, '/approve approval-1', { chat: group.id })
  }

  it.each(['open', 'linked'] as const)('stops turning, whoever pressed it (%s)', async (mode) => {
    const press = await pressed()
    for (const received of await heard()) await inboxFor({ mode }).take(received)
    await expect.poll(() => telegram.ledger.answerTo(press)).toEqual({ text: '', isAlert: false })
  })
})

describe('a group of Telegram that becomes a supergroup', () => {
  it.each([
    ['both groups say so', (notes: readonly Received[]) => notes],
    ['the old one says so', (notes: readonly Received[]) => notes.slice(0, 1)],
    ['the new one says so', (notes: readonly Received[]) => notes.slice(1)],
  ])('goes on with its conversation before the bot has sent anything there: %s', async (_, arrive) => {
    const inbox = inboxFor({ mode: 'open' })
    const group = telegram.group()
    const conversationOf = async () => {
      telegram.user(1001).says('/tasks', { chat: group.id })
      const [message] = (await heard()).flatMap(({ messages }) => messages)
      return received(store, message as ChatMessage)
    }
    const before = await conversationOf()
    group.migrates()
    for (const note of arrive(await heard())) await inbox.take(note)
    expect(await conversationOf()).toBe(before)
    expect((await store.chats.conversation(before)).address.chat).toBe(String(group.id))
  })
})
