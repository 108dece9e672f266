import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fromMarkdown } from '../../domain/chat/markdown.ts'
import type { ChatMessage } from '../../domain/chat/message.ts'
import { chunksOf, plain, type StyledText } from '../../domain/chat/styled-text.ts'
import { MAX_FILE_BYTES } from '../../domain/limits.ts'
import type { FileReference } from '../../domain/ports/channel.ts'
import { CHANNELS, type ChannelStage } from '../support/chat/channels.ts'

const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')

describe.each(Object.entries(CHANNELS))('the channel %s', (name, open) => {
  let stage: ChannelStage
  beforeEach(async () => {
    stage = await open()
    // Nobody is written to who has never written.
    stage.says('hello')
  })
  afterEach(() => stage.close())

  const send = (text: StyledText, more: object = {}) =>
    stage.channel.send({ to: stage.to, reference: 'post-1', text, buttons: [], silent: false, ...more })
  const received = async (): Promise<readonly ChatMessage[]> =>
    (await stage.delivered()).flatMap(({ body }) => stage.webhook.read(JSON.parse(body.toString('utf8'))).messages)

  describe('sends', () => {
    it('a text and gives its id', async () => {
      expect(await send(plain('done'))).toEqual({ type: 'sent', providerId: expect.stringMatching(/./) })
      expect(stage.seen()).toEqual([{ text: 'done', buttons: [] }])
    })

    it('styles of all kinds, with text the service could take for markup', async () => {
      const text = fromMarkdown('# Head\n**b** *i* ~~s~~ `c_d` [l](https://a.example) 😀 _x_ *y\n> q\n```js\na*b\n```')
      expect(await send(text)).toMatchObject({ type: 'sent' })
      expect(stage.seen()[0]?.text).toMatch(/Head[\s\S]*`c_d`[\s\S]*a\*b/)
    })

    it('the longest piece it says it takes, with and without buttons', async () => {
      const { maxText, maxTextWithButtons, spanCost } = stage.channel.traits
      const whole = fromMarkdown(`word **bold** \`code\` [l](https://a.example/${'long/'.repeat(9)}) `.repeat(400))
      const [piece = plain('')] = chunksOf(whole, { limit: maxText, spanCost })
      expect(await send(piece)).toMatchObject({ type: 'sent' })
      const [short = plain('')] = chunksOf(plain('x'.repeat(9_000)), { limit: maxTextWithButtons, spanCost })
      const buttons = [{ title: 'Go', command: '/go' }]
      expect(await send(short, { buttons })).toMatchObject({ type: 'sent' })
    })

    it.each([1, 2, 3, 4, 9])(
      '%i buttons, also with long and equal titles, and each says its command',
      async (count) => {
        const title = 'A title that no service shows on one button'
        const buttons = Array.from({ length: count }, (_, index) => ({
          title,
          command: `/to ${index} task-${'A'.repeat(26)}`,
        }))
        expect(await send(plain('which?'), { buttons })).toMatchObject({ type: 'sent' })
        expect(stage.seen()[0]?.buttons.map(({ command }) => command)).toEqual(buttons.map(({ command }) => command))
      },
    )

    it('the buttons of an approval under their whole titles', async () => {
      const buttons = [
        { title: 'Approve', command: '/approve approval-1', style: 'good' },
        { title: 'Reject', command: '/reject approval-1', style: 'bad' },
      ]
      await send(plain('may I?'), { buttons })
      expect(stage.seen()[0]?.buttons.map(({ title }) => title)).toEqual(['Approve', 'Reject'])
    })
  })

  describe('says what became of a message', () => {
    it('that the service is too busy for: later', async () => {
      stage.fault('busy')
      expect(await send(plain('done'))).toMatchObject({ type: 'later', afterMs: expect.any(Number) })
      expect(stage.seen()).toEqual([])
    })

    it.each(['lost-before', 'lost-after'] as const)('whose answer was %s: unknown, never a guess', async (fault) => {
      stage.fault(fault)
      expect(await send(plain('done'))).toMatchObject({ type: 'unknown' })
      expect(stage.seen()).toHaveLength(fault === 'lost-after' ? 1 : 0)
    })

    it('when the service is not there at all: later', async () => {
      await stage.close()
      expect(await send(plain('done'))).toMatchObject({ type: 'later', reason: 'ECONNREFUSED' })
    })

    it('to somebody who left: no success', async () => {
      stage.leaves()
      const delivery = await send(plain('done'))
      // Some services say so at once, some by a report.
      if (delivery.type === 'sent') {
        const reports = async () =>
          (await stage.delivered()).flatMap(({ body }) => stage.webhook.read(JSON.parse(body.toString('utf8'))).reports)
        await expect.poll(reports).toMatchObject([{ reference: 'post-1', outcome: 'failed' }])
      } else expect(delivery).toMatchObject({ type: 'refused' })
      expect(stage.seen()).toEqual([])
    })
  })

  it('changes a message, also to what it is already, or says that it cannot', async () => {
    const sent = await send(plain('one'), { buttons: [{ title: 'Go', command: '/go' }] })
    const providerId = sent.type === 'sent' ? sent.providerId : ''
    const edit = () => stage.channel.edit({ to: stage.to, providerId, text: plain('two'), buttons: [] })
    const first = await edit()
    expect(first.type).toBe(stage.channel.traits.edits ? 'sent' : 'refused')
    expect(await edit()).toEqual(first)
    expect(stage.seen()[0]?.text).toBe(stage.channel.traits.edits ? 'two' : 'one')
  })

  it('shows that a message arrived, and never fails at that', async () => {
    const [message] = await received()
    await stage.channel.acknowledge(message as ChatMessage)
    expect(stage.isAcknowledged()).toBe(true)
    await stage.channel.acknowledge({ ...(message as ChatMessage), messageId: 'gone', press: 'gone' })
    await stage.close()
    await stage.channel.acknowledge(message as ChatMessage)
  })

  it('knows whether its service is well, without a message, and never throws', async () => {
    const { signal } = new AbortController()
    const isWell = () => stage.channel.isWell?.(signal)
    expect(await isWell()).toBe(true)
    stage.outage(true)
    expect(await isWell()).toBe(false)
    stage.outage(false)
    expect(await isWell()).toBe(true)
    expect(await stage.channel.isWell?.(AbortSignal.abort())).toBe(false)
    await stage.close()
    expect(await isWell()).toBe(false)
    expect(stage.seen()).toEqual([])
  })

  describe('reads', () => {
    it('text with emoji and accents, its sender and its place', async () => {
      stage.says('Grüße 😀 /x')
      const messages = await received()
      expect(messages.map(({ text, kind }) => [text, kind])).toEqual([
        ['hello', 'text'],
        ['Grüße 😀 /x', 'text'],
      ])
      expect(new Set(messages.map(({ id }) => id)).size).toBe(2)
      for (const message of messages)
        expect(message).toMatchObject({
          channel: name,
          isGroup: false,
          chat: expect.any(String),
          sender: { id: expect.any(String) },
        })
      expect((messages[1]?.place ?? 0) >= (messages[0]?.place ?? 0)).toBe(true)
    })

    it('a pressed button as its command and the message it stood under', async () => {
      const sent = await send(plain('which?'), { buttons: [{ title: 'Go', command: '/go 1' }] })
      stage.presses('/go 1')
      const pressed = await vi.waitFor(async () => {
        const message = (await received()).find(({ kind }) => kind === 'button')
        expect(message).toBeDefined()
        return message
      })
      expect(pressed).toMatchObject({ text: '/go 1', replyTo: sent.type === 'sent' && sent.providerId })
    })

    it('something without words as such, and a reaction not at all', async () => {
      await send(plain('done'))
      stage.reacts()
      stage.sendsSomethingWordless()
      expect((await received()).map(({ kind }) => kind)).toEqual(['text', 'wordless'])
    })

    it('a file with its words, its name and its type, and a picture', async () => {
      stage.sendsFile({ name: 'größe "a".txt', bytes: Buffer.from('boom'), type: 'text/plain', caption: 'see' })
      stage.sendsPhoto(PNG)
      const [, document, photo] = await received()
      const reference = expect.stringMatching(/./)
      expect(document).toMatchObject({ kind: 'text', text: 'see' })
      expect(document?.file).toMatchObject({ reference, name: 'größe "a".txt', mediaType: 'text/plain' })
      expect(photo).toMatchObject({ kind: 'wordless', text: '', file: { reference } })
    })

    it('a kind of file it cannot read as one that nobody can ask for', async () => {
      stage.sendsSomethingWordless()
      const [, voice] = await received()
      expect(voice?.file).toEqual({ name: expect.stringMatching(/^this /) })
    })

    it.each([
      null,
      1,
      'x',
      [],
      {},
      { update_id: 1 },
      { entry: 1 },
      { entry: [{ changes: [{ field: 'messages', value: { messages: [{}] } }] }] },
    ])('%j as nothing', (body) => {
      expect(stage.webhook.read(body)).toEqual({ messages: [], reports: [] })
    })
  })

  describe('downloads', () => {
    const sent = async () => (await received()).at(-1)?.file as FileReference

    it.each([Buffer.from('boom'), Buffer.alloc(MAX_FILE_BYTES, 1)])('a file byte for byte', async (bytes) => {
      stage.sendsFile({ name: 'a/b c.txt', bytes, type: 'text/plain' })
      const download = await stage.channel.download(await sent())
      expect(download.type === 'file' && Buffer.compare(download.bytes, bytes)).toBe(0)
    })

    it('a picture in its largest size', async () => {
      stage.sendsPhoto(PNG)
      expect(await stage.channel.download(await sent())).toEqual({ type: 'file', bytes: PNG })
    })

    it('no more than it may', async () => {
      stage.sendsFile({ name: 'large', bytes: Buffer.alloc(MAX_FILE_BYTES + 1), type: 'text/plain' })
      expect(await stage.channel.download(await sent())).toEqual({ type: 'too-large' })
    })

    it.each(['address', 'bytes'] as const)(
      'later what the service fails to give, by a new address: %s',
      async (request) => {
        stage.sendsPhoto(PNG)
        stage.fileFault(request)
        const asked = await sent()
        expect(await stage.channel.download(asked)).toEqual({ type: 'later', reason: expect.stringContaining('500') })
        expect(await stage.channel.download(asked)).toMatchObject({ type: 'file' })
        expect(stage.addressesAsked()).toBe(2)
      },
    )

    it.each(['1800000000009999', '../messages', ''])('nothing that there is not: %j', async (wrong) => {
      expect(await stage.channel.download({ reference: wrong })).toMatchObject({ type: 'gone' })
    })

    it('nothing while the service is not there, and never throws', async () => {
      await stage.close()
      expect(await stage.channel.download({ reference: '1800000000000001' })).toEqual({
        type: 'later',
        reason: 'ECONNREFUSED',
      })
    })
  })

  describe('believes', () => {
    it('what its service sent, byte for byte', async () => {
      for (const { headers, body } of await stage.delivered()) {
        expect(stage.webhook.hasProof(headers)).toBe(true)
        expect(stage.webhook.isGenuine(headers, body)).toBe(true)
      }
    })

    it('no proof that is missing, empty, cut, prolonged or of another secret', async () => {
      const [delivered] = await stage.delivered()
      const { headers, body } = delivered as { headers: Headers; body: Buffer }
      const proof = ['x-hub-signature-256', 'x-telegram-bot-api-secret-token'].find((one) => headers.has(one)) ?? ''
      const right = headers.get(proof) ?? ''
      const wrong = [
        '',
        right.slice(0, -1),
        `${right}0`,
        ` ${right}x`,
        right.toUpperCase(),
        `${right}, ${right}`,
        `sha1=${right.slice(7)}`,
      ]
      for (const value of wrong) {
        const forged = new Headers({ [proof]: value })
        expect([value, stage.webhook.hasProof(forged) && stage.webhook.isGenuine(forged, body)]).toEqual([value, false])
      }
      expect(stage.webhook.hasProof(new Headers())).toBe(false)
    })
  })
})
