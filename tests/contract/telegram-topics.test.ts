import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTelegramChannel } from '../../adapters/telegram/telegram-channel.ts'
import { plain } from '../../domain/chat/styled-text.ts'
import { startTelegramSimulator, type TelegramSimulator } from '../../simulators/telegram/server.ts'

let telegram: TelegramSimulator
beforeAll(async () => void (telegram = await startTelegramSimulator()))
afterAll(() => telegram?.close())

it('a message to a topic somebody deleted meanwhile arrives in the group itself', async () => {
  const group = telegram.group({ forum: true })
  const topic = group.topic()
  const channel = createTelegramChannel({ token: telegram.token, apiUrl: telegram.url })
  const send = (reference: string) =>
    channel.send({
      to: { channel: 'telegram', chat: String(group.id), thread: String(topic) },
      ...{ reference, text: plain(reference), buttons: [], silent: false },
    })
  expect(await send('before')).toMatchObject({ type: 'sent' })
  group.deletesTopic(topic)
  expect(await send('after')).toMatchObject({ type: 'sent' })
  const seen = telegram.ledger.chat(group.id).filter(({ from }) => from === 'bot')
  expect(seen.map(({ text, thread }) => [text, thread])).toEqual([
    ['before', topic],
    ['after', undefined],
  ])
})
