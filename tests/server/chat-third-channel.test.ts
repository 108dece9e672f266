import { afterEach, beforeEach, expect, it } from 'vitest'
import { z } from 'zod'
import { CHANNELS, openChannels } from '../../adapters/channels.ts'
import { openTestApi, type TestApi } from '../support/api.ts'
import { startLiveChat, type LiveChat } from '../support/chat/live.ts'
import { startSlate, type Slate } from '../support/chat/slate/service.ts'
import { SLATE } from '../support/chat/slate/slate.ts'
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts'

const WITHIN = { timeout: 20_000, interval: 50 }
const SECRET = 'secret-of-the-slate'

let front: WebhookReceiver
let slate: Slate
let chat: LiveChat
let api: TestApi
beforeEach(async () => {
  // The gateway's own address, where a reverse proxy stands.
  front = await startReceiver(async ({ headers, body }) => {
    const proof = String(headers['x-hub-signature-256'])
    const request = { as: 'nobody', headers: { 'x-hub-signature-256': proof }, body } as const
    return { status: (await api.call('/webhooks/slate', request)).status }
  })
  slate = await startSlate({ webhookUrl: front.url, secret: SECRET })
  const environment = { SLATE_URL: slate.url, SLATE_SECRET: SECRET }
  chat = await startLiveChat({}, (config) =>
    openChannels([...CHANNELS, SLATE], { ...config, ...z.object(SLATE.settings).parse(environment) }),
  )
  api = await openTestApi({ url: chat.database, webhooks: chat.webhooks })
})
afterEach(async () => {
  await Promise.all([front.close(), slate.close()])
  await chat.close()
  await api.close()
})

const tasks = async () => (await chat.store.tasks.list({ tenant: 'default', limit: 9 })).items
const seen = () => expect.poll(() => slate.notes.map(({ text }) => text), WITHIN)

it('a channel that is registered is a channel: a task begun there is shown, stopped by a button and ended there', async () => {
  const said = { id: 'said-once', kind: 'text', text: 'fix the login' }
  for (let copy = 0; copy < 3; copy++) slate.tells(said)
  await seen().toEqual([expect.stringContaining('fix the login')])
  expect(await tasks()).toMatchObject([{ channel: 'slate', prompt: 'fix the login' }])
  const cancel = slate.notes[0]?.buttons[0]?.command ?? ''
  expect(cancel).toMatch(/^\/cancel task-/)
  slate.tells({ kind: 'button', text: cancel, replyTo: '1' })
  await expect.poll(tasks, WITHIN).toMatchObject([{ state: 'cancelled' }])
  await seen().toContainEqual(expect.stringContaining('\n\nCancelled.\n\n'))
  expect(slate.notes.map(({ text }) => text)).toContainEqual('It is cancelled.')
})

it('a file sent there is what the model is shown, and what nobody can read is answered', async () => {
  const reference = slate.keeps(Buffer.from('boom at line 7'))
  slate.tells({ kind: 'text', text: 'fix this', file: { name: 'log.txt', mediaType: 'text/plain', reference } })
  await expect.poll(tasks, WITHIN).toHaveLength(1)
  const unread = await chat.store.attachments.unread((await tasks())[0]?.id ?? '')
  expect(JSON.stringify(await chat.store.attachments.parts(unread))).toContain('boom at line 7')
  for (let copy = 0; copy < 3; copy++) slate.tells({ id: 'a-dice', kind: 'wordless' })
  await expect
    .poll(() => slate.notes.filter(({ text }) => text.includes('Write in a few words')), WITHIN)
    .toHaveLength(1)
})

it('one whose secret is missing is not whole', async () => {
  expect(SLATE.missing({ SLATE_URL: slate.url })).toEqual(['SLATE_SECRET'])
  expect(await openChannels([...CHANNELS, SLATE], { TELEGRAM_MODE: 'webhook' } as never)).toEqual([])
})
