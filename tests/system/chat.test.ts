import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { anyPort } from '../../adapters/processes/ports.ts'
import type { TaskView } from '../../domain/schemas/task.ts'
import { loadTask } from '../../fixtures/load-task.ts'
import { materialise } from '../../fixtures/materialise.ts'
import { scriptFor } from '../../fixtures/script-for.ts'
import { startGeminiSimulator, type GeminiSimulator } from '../../simulators/gemini/server.ts'
import { startTelegramSimulator, type TelegramSimulator } from '../../simulators/telegram/server.ts'
import { startWhatsAppSimulator, type WhatsAppSimulator } from '../../simulators/whatsapp/server.ts'
import { dataDirectory, startTestGateway, type TestGateway } from '../support/gateway.ts'
import { watchUpdates } from '../support/upstream.ts'

const fixture = loadTask(join(import.meta.dirname, '../../fixtures/tasks/csv-records'))
const PHONE = '491701234567'
const SECRETS = { telegram: 'telegram-webhook-secret', whatsapp: 'whatsapp-app-secret' }

const data = dataDirectory()
const root = mkdtempSync(join(tmpdir(), 'ocg-repositories-'))
const repository = join(root, 'csv')
let updates: () => readonly string[]
let model: GeminiSimulator
let telegram: TelegramSimulator
let whatsapp: WhatsAppSimulator
let gateway: TestGateway
let port: number

beforeAll(async () => {
  await materialise(fixture, repository)
  updates = watchUpdates(repository)
  const known = [{ name: 'csv', url: `file://${repository}`, acceptance: { commands: [fixture.command] } }]
  writeFileSync(join(root, 'repositories.json'), JSON.stringify(known))
  model = await startGeminiSimulator({ script: scriptFor({ task: fixture, variant: 'straight' }), latencyMs: 200 })
  port = await anyPort('127.0.0.1')
  const habits = { copies: 5, shuffleWithinMs: 100 }
  const retries = { waitMs: () => 300 }
  telegram = await startTelegramSimulator({ delivery: habits, retries })
  whatsapp = await startWhatsAppSimulator({
    webhookUrl: `http://127.0.0.1:${port}/webhooks/whatsapp`,
    ...{ appSecret: SECRETS.whatsapp, delivery: habits, retries },
  })
  gateway = await start()
  await fetch(
    `${telegram.url}/bot${telegram.token}/setWebhook?secret_token=${SECRETS.telegram}&url=http://127.0.0.1:${port}/webhooks/telegram`,
  )
})
afterAll(async () => {
  await gateway?.stop()
  await Promise.all([model?.close(), telegram?.close(), whatsapp?.close()])
  data.remove()
  rmSync(root, { recursive: true, force: true })
})

const start = (): Promise<TestGateway> =>
  startTestGateway({
    dataDirectory: data.path,
    environment: {
      PORT: String(port),
      REPOSITORY_FILE_ROOTS: root,
      REPOSITORIES_FILE: join(root, 'repositories.json'),
      GEMINI_API_KEY: 'any',
      GOOGLE_GEMINI_BASE_URL: model.url,
      TELEGRAM_BOT_TOKEN: telegram.token,
      TELEGRAM_WEBHOOK_SECRET: SECRETS.telegram,
      TELEGRAM_API_BASE_URL: telegram.url,
      WHATSAPP_ACCESS_TOKEN: whatsapp.token,
      WHATSAPP_PHONE_NUMBER_ID: whatsapp.phoneNumberId,
      WHATSAPP_APP_SECRET: SECRETS.whatsapp,
      WHATSAPP_VERIFY_TOKEN: 'verify-me',
      WHATSAPP_API_BASE_URL: whatsapp.url,
    },
  })

const tasks = async (): Promise<readonly TaskView[]> =>
  (await gateway.client.json<{ items: TaskView[] }>('GET', '/v1/tasks?limit=50')).items
const link = async (): Promise<string> => (await gateway.client.json<{ code: string }>('POST', '/v1/links')).code
const holding = (messages: readonly { text: string }[], text: string) =>
  messages.filter((one) => one.text.includes(text))

it('a message in Telegram becomes a verified change and one final reply', async () => {
  const ada = telegram.user(1001, { firstName: 'Ada' })
  ada.says(`/link ${await link()}`)
  await expect.poll(() => holding(telegram.ledger.chat(1001), 'linked').length, { timeout: 10_000 }).toBe(1)
  ada.says(fixture.prompt)
  await expect.poll(async () => (await tasks())[0]?.state, { timeout: 60_000 }).toBe('completed')
  const [task] = await tasks()
  expect(task).toMatchObject({ channel: 'telegram', result: { verdict: 'passed' } })
  await expect.poll(() => holding(telegram.ledger.chat(1001), task?.result?.summary ?? '').length).toBe(1)
  console.log(telegram.ledger.chat(1001))
})
