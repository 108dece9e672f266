import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ChatMessage } from '../../domain/chat/message.ts'
import type { Caller } from '../../domain/permissions.ts'
import type { Store } from '../../domain/ports/store.ts'
import { chatMessage, received } from '../support/chat/messages.ts'
import { acceptance } from '../support/stored-task.ts'
import { STORES, type OpenedStore } from '../support/stores.ts'

const IN_AN_HOUR = new Date(Date.now() + 3_600_000).toISOString()

describe.each(Object.entries(STORES))('chats in %s', (_, open) => {
  let opened: OpenedStore
  let store: Store
  beforeEach(async () => {
    opened = await open()
    store = opened.store
  })
  afterEach(() => opened.close())

  describe('the inbox', () => {
    it('takes a message once, however often, in whatever batch and by whichever process it comes', async () => {
      const message = chatMessage()
      const stores = [store, opened.other, store, opened.other]
      const news = await Promise.all(stores.map((one) => one.chats.receive([message, message])))
      expect(news.flat()).toHaveLength(1)
      expect(await store.chats.receive([message])).toEqual([])
      const stored = await store.chats.next(news.flat()[0]?.conversation ?? '')
      expect(stored).toMatchObject({ ...message, isHandled: false })
    })

    it('begins a conversation once, whichever processes hear of it at the same moment', async () => {
      for (let round = 0; round < 100; round++) {
        const message = chatMessage({ chat: `moment-${round}` })
        const stores = [store, opened.other, store, opened.other, store, opened.other]
        const news = await Promise.all(stores.map((one) => one.chats.receive([message])))
        expect(news.flat()).toHaveLength(1)
      }
    })

    it('keeps the same id of two channels apart', async () => {
      const message = chatMessage()
      await received(store, message)
      expect(await store.chats.receive([{ ...message, channel: 'whatsapp' }])).toHaveLength(1)
    })

    it("gives messages in the provider's order, whatever the order of their arrival", async () => {
      const [first, second, third] = [
        chatMessage({ text: '1' }),
        chatMessage({ text: '2' }),
        chatMessage({ text: '3' }),
      ]
      const conversation = await received(store, third, first)
      await received(store, second)
      const texts: string[] = []
      for (let next = await store.chats.next(conversation); next; next = await store.chats.next(conversation)) {
        texts.push(next.text)
        await store.chats.markHandled(next.number)
        expect(await store.chats.message(next.number)).toMatchObject({ isHandled: true })
      }
      expect(texts).toEqual(['1', '2', '3'])
    })

    it('has a conversation for every chat and topic, under a name that tells nobody who writes', async () => {
      const places = [{}, { thread: '5' }, { chat: '1002' }, { channel: 'whatsapp' as const, chat: '491701234567' }]
      const conversations = await Promise.all(places.map((place) => received(store, chatMessage(place))))
      expect(new Set(conversations).size).toBe(4)
      expect(conversations.join()).not.toMatch(/1001|1002|491701234567/)
      expect(await received(store, chatMessage())).toBe(conversations[0])
    })

    it('names conversations whose messages nobody has handled for a while', async () => {
      const conversation = await received(store, chatMessage())
      const neglected = (olderThanMs: number) => store.chats.neglected({ olderThanMs, limit: 10 })
      expect(await neglected(60_000)).toEqual([])
      expect(await neglected(0)).toEqual([conversation])
      await store.chats.markHandled((await store.chats.next(conversation))?.number ?? 0)
      expect(await neglected(0)).toEqual([])
    })

    it('keeps text as it was said', async () => {
      const text = 'Grüße 😀 "\\u0041"\n\t{}'
      const conversation = await received(store, chatMessage({ text }))
      expect((await store.chats.next(conversation))?.text).toBe(text)
    })
  })

  describe('a conversation', () => {
    it('remembers its repository and whom it reaches by now', async () => {
      const id = await received(store, chatMessage({ reach: '49170' }))
      await received(store, chatMessage())
      await store.chats.chooseRepository({ conversation: id, repository: 'web' })
      expect(await store.chats.conversation(id)).toEqual({
        ...{ id, repository: 'web' },
        address: { channel: 'telegram', chat: '1001', reach: '49170' },
      })
    })

    it('goes on under another id of its chat, with what is said there', async () => {
      const id = await received(store, chatMessage({ chat: '-5' }))
      await store.chats.moveChat({ conversation: id, chat: '-1005' })
      expect((await store.chats.conversation(id)).address.chat).toBe('-1005')
      expect(await received(store, chatMessage({ chat: '-1005' }))).toBe(id)
    })

    it('goes on with every topic when its chat is known by another id', async () => {
      const topics = [{}, { thread: '5' }, { thread: '9' }]
      const heardIn = (chat: string) =>
        Promise.all(topics.map((topic) => received(store, chatMessage({ chat, ...topic }))))
      const before = await heardIn('-5')
      await store.chats.follow({ channel: 'telegram', from: ['-5'], to: { id: '-1005' } })
      expect(await heardIn('-1005')).toEqual(before)
    })

    it('is still reached when its new chat has a conversation of its own already', async () => {
      const id = await received(store, chatMessage({ chat: '-5' }))
      await received(store, chatMessage({ chat: '-1005' }))
      await store.chats.moveChat({ conversation: id, chat: '-1005' })
      expect((await store.chats.conversation(id)).address).toEqual({ channel: 'telegram', chat: '-5', reach: '-1005' })
    })

    it('alone with a person goes on under the new id of the person', async () => {
      const first = { channel: 'whatsapp', chat: 'US.1', reach: '4917' } as const
      const id = await received(store, chatMessage(first))
      await store.chats.follow({ channel: 'whatsapp', from: ['US.1', '4917'], to: { id: 'US.2', alias: '4918' } })
      expect((await store.chats.conversation(id)).address).toEqual({ channel: 'whatsapp', chat: 'US.2' })
      expect(await received(store, chatMessage({ ...first, chat: 'US.2', reach: '4918' }))).toBe(id)
      expect(await received(store, chatMessage({ ...first, chat: 'US.1' }))).not.toBe(id)
    })

    describe('of a person known by number, who from now on has a scoped id', () => {
      const caller: Caller = { subject: 'session:1', name: 'Ada', tenant: 'default', roles: ['operator'] }
      const byNumber = (number: string) =>
        chatMessage({ channel: 'whatsapp', chat: number, sender: { id: number }, messageId: undefined })
      const byId = (number: string, more: Partial<ChatMessage> = {}) =>
        chatMessage({
          ...{
            channel: 'whatsapp',
            chat: `US.${number}`,
            sender: { id: `US.${number}`, alias: number },
            reach: number,
          },
          ...more,
        })

      it('is the same one, with the link to the account', async () => {
        const id = await received(store, byNumber('4917'))
        await store.chatUsers.offerLink({ codeHash: 'h', caller, expiresAt: IN_AN_HOUR })
        const link = { codeHash: 'h', channel: 'whatsapp', sender: { id: '4917' }, message: 1 } as const
        await store.chatUsers.redeemLink(link)
        expect(await received(store, byId('4917'))).toBe(id)
        expect((await store.chats.conversation(id)).address).toEqual({
          ...{ channel: 'whatsapp', chat: 'US.4917', reach: '4917' },
        })
        const known = (sender: string) => store.chatUsers.callerOf({ channel: 'whatsapp', sender: { id: sender } })
        expect([await known('US.4917'), await known('4917')]).toEqual([caller, caller])
        expect(await received(store, byId('4917', { sender: { id: 'US.4917' } }))).toBe(id)
      })

      it('stays one, whichever processes hear of it at the same moment, with the number or without', async () => {
        for (let round = 0; round < 50; round++) {
          const number = `4917${round}`
          const id = await received(store, byNumber(number))
          const hidden = () => byId(number, { sender: { id: `US.${number}` }, reach: undefined })
          const heard = [byId(number), byId(number), byId(number), byId(number)]
          const news = await Promise.all(
            heard.map((message, index) => (index % 2 === 0 ? store : opened.other).chats.receive([message])),
          )
          expect(new Set(news.flat().map(({ conversation }) => conversation))).toEqual(new Set([id]))
          expect(await received(store, hidden())).toBe(id)
        }
      })

      it('is begun without failing when one message tells the number and another does not', async () => {
        for (let round = 0; round < 50; round++) {
          const number = `4918${round}`
          await received(store, byNumber(number))
          const hidden = byId(number, { sender: { id: `US.${number}` }, reach: undefined })
          const news = await Promise.all([
            store.chats.receive([byId(number)]),
            opened.other.chats.receive([hidden]),
            store.chats.receive([byId(number)]),
          ])
          expect(new Set(news.flat().map(({ conversation }) => conversation)).size).toBe(1)
        }
      })
    })

    it('has the tasks that were begun in it, newest first', async () => {
      const conversation = await received(store, chatMessage())
      const begin = async () => (await store.tasks.accept(acceptance({ channel: 'telegram', conversation }))).task.id
      const ids = [await begin(), await begin()]
      await store.tasks.accept(acceptance())
      expect((await store.chats.tasks({ conversation, limit: 10 })).map(({ id }) => id)).toEqual(ids.toReversed())
    })
  })

  describe('a link', () => {
    const caller: Caller = { subject: 'session:1', name: 'Ada', tenant: 'default', roles: ['operator'] }
    const user = { channel: 'telegram', sender: { id: '1001' } } as const
    const offer = (codeHash: string, more: object = {}) =>
      store.chatUsers.offerLink({ codeHash, caller, expiresAt: IN_AN_HOUR, ...more })
    const redeem = (codeHash: string, message: number, more: object = {}) =>
      store.chatUsers.redeemLink({ codeHash, ...user, message, ...more })

    it('ties a user to the account of its code, and nobody else', async () => {
      await offer('h1')
      expect(await store.chatUsers.callerOf(user)).toBeUndefined()
      expect(await redeem('h1', 1)).toEqual(caller)
      expect(await store.chatUsers.callerOf(user)).toEqual(caller)
      expect(await store.chatUsers.callerOf({ channel: 'whatsapp', sender: { id: '1001' } })).toBeUndefined()
      expect(await store.chatUsers.callerOf({ channel: 'telegram', sender: { id: '1002' } })).toBeUndefined()
    })

    it('is made once: the same message again gives the same, another one nothing', async () => {
      await offer('h1')
      const results = await Promise.all(
        [1, 2, 3].map((message) => redeem('h1', message, { sender: { id: `u${message}` } })),
      )
      expect(results.filter(Boolean)).toHaveLength(1)
      const winner = results.findIndex(Boolean) + 1
      expect(await redeem('h1', winner, { sender: { id: `u${winner}` } })).toEqual(caller)
    })

    it('is not made by a code that is unknown or too old', async () => {
      await offer('old', { expiresAt: new Date(Date.now() - 1).toISOString() })
      expect([await redeem('old', 1), await redeem('unknown', 1)]).toEqual([undefined, undefined])
    })

    it('holds for every id the channel knows the person by', async () => {
      await offer('h1')
      await redeem('h1', 1, { sender: { id: 'US.1', alias: '49170' } })
      expect(await store.chatUsers.callerOf({ channel: 'telegram', sender: { id: '49170' } })).toEqual(caller)
    })

    it('by a key has the roles of the key, and ends with it', async () => {
      await store.keys.create({ id: 'k1', name: 'n', tenant: 'default', roles: ['submitter'], hash: 'x' })
      await offer('h1', { caller: { ...caller, subject: 'key:k1', roles: ['admin'] } })
      await redeem('h1', 1)
      expect((await store.chatUsers.callerOf(user))?.roles).toEqual(['submitter'])
      await store.keys.revoke('k1', 'default')
      expect(await store.chatUsers.callerOf(user)).toBeUndefined()
    })

    it('follows the person to new ids, and leaves the old ones to whoever gets them', async () => {
      await offer('h1')
      await redeem('h1', 1, { sender: { id: 'US.1', alias: '4917' } })
      const change = { channel: 'telegram', from: ['US.1', '4917'], to: { id: 'US.2', alias: '4918' } } as const
      await store.chatUsers.follow(change)
      await store.chatUsers.follow(change)
      const known = (id: string) => store.chatUsers.callerOf({ channel: 'telegram', sender: { id } })
      expect([await known('US.2'), await known('4918')]).toEqual([caller, caller])
      expect([await known('US.1'), await known('4917')]).toEqual([undefined, undefined])
    })

    it('to another account replaces the first', async () => {
      await offer('h1')
      await offer('h2', { caller: { ...caller, subject: 'session:2' } })
      await redeem('h1', 1)
      await redeem('h2', 2)
      expect((await store.chatUsers.callerOf(user))?.subject).toBe('session:2')
    })
  })
})
