import { afterEach, beforeEach, expect, it } from 'vitest'
import { anyPort } from '../../adapters/processes/ports.ts'
import { createTelegramChannel } from '../../adapters/telegram/telegram-channel.ts'
import { COMMANDS } from '../../domain/chat/command.ts'
import { startTelegramSimulator, type TelegramSimulator } from '../../simulators/telegram/server.ts'
import { introduce } from '../../workers/chat/introduction.ts'

const WITHIN = { timeout: 20_000, interval: 50 }
const WEBHOOK = 'http://127.0.0.1:9/webhooks/telegram'
let port: number
let simulator: TelegramSimulator | undefined
let stopping: AbortController
let running: Promise<void>
let troubles: string[]
beforeEach(async () => {
  port = await anyPort('127.0.0.1')
  simulator = undefined
  stopping = new AbortController()
  troubles = []
})
afterEach(async () => {
  stopping.abort()
  await running
  await simulator?.close()
})

const TOKEN = '4242424242:AAsimulatedTokenOfTelegramBot000000'
const start = ({ token = TOKEN, webhookSecret }: { readonly token?: string; readonly webhookSecret?: string } = {}) => {
  const channel = createTelegramChannel({ token, apiUrl: `http://127.0.0.1:${port}`, webhookSecret })
  const onTrouble = (error: unknown) => void troubles.push(String(error))
  running = introduce({ channel, webhookUrl: WEBHOOK, onTrouble }, stopping.signal)
  return channel
}
const come = async () => (simulator = await startTelegramSimulator({ port, token: TOKEN }))
const answered = () => simulator?.ledger.calls.filter(({ status }) => status === 200).map(({ method }) => method) ?? []
const webhook = async () => {
  const response = await fetch(`http://127.0.0.1:${port}/bot${TOKEN}/getWebhookInfo`)
  return ((await response.json()) as { result: { url: string } }).result.url
}

it('Telegram is told the webhook with its secret, and the commands', async () => {
  await come()
  const channel = start({ webhookSecret: 'secret' })
  await running
  expect(answered()).toEqual(['getMe', 'setWebhook', 'setMyCommands'])
  expect(channel.botName).toBe('simulated_bot')
  const [, set, commands] = simulator?.ledger.calls ?? []
  expect(set?.parameters).toMatchObject({ url: WEBHOOK, secret_token: 'secret' })
  expect(JSON.parse(set?.parameters['allowed_updates'] ?? '')).toEqual(['message', 'callback_query'])
  expect(JSON.parse(commands?.parameters['commands'] ?? '')).toHaveLength(Object.keys(COMMANDS).length)
  expect(simulator?.ledger.calls.flatMap(({ strays = [] }) => strays)).toEqual([])
})

it('a service that is away at the start and comes later is told then, and the trouble is told once', async () => {
  const channel = start({ webhookSecret: 'secret' })
  await expect.poll(() => troubles, WITHIN).toHaveLength(1)
  expect(channel.botName).toBeUndefined()
  await come()
  await running
  expect(await webhook()).toBe(WEBHOOK)
  expect(channel.botName).toBe('simulated_bot')
  expect(troubles).toHaveLength(1)
  expect(troubles.join()).not.toContain(TOKEN)
})

it('an old webhook is deleted where updates are fetched, also when the service is busy at first', async () => {
  await come()
  await fetch(`http://127.0.0.1:${port}/bot${TOKEN}/setWebhook?url=${WEBHOOK}`)
  simulator?.failNext('rate-limited', { method: 'deleteWebhook' })
  start()
  await running
  expect(await webhook()).toBe('')
  expect(answered()).toContain('setMyCommands')
})

it('a wrong token is told once, with what to do', async () => {
  await come()
  start({ token: '4242424242:AAanotherTokenThatNobodyKnows00000' })
  const asked = () => simulator?.ledger.calls.length ?? 0
  await expect.poll(asked, WITHIN).toBeGreaterThan(1)
  expect(troubles).toEqual([expect.stringMatching(/TELEGRAM_BOT_TOKEN.*@BotFather.*start the gateway again/)])
  expect(answered()).toEqual([])
})

it('a gateway that stops does not wait for a service that is away', async () => {
  start()
  await expect.poll(() => troubles, WITHIN).toHaveLength(1)
  stopping.abort()
  const begun = Date.now()
  await running
  expect(Date.now() - begun).toBeLessThan(500)
})
