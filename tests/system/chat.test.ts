import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { anyPort } from '../../adapters/processes/ports.ts'
import type { EventView } from '../../cli/client.ts'
import type { TaskView } from '../../domain/schemas/task.ts'
import { loadTask } from '../../fixtures/load-task.ts'
import { materialise } from '../../fixtures/materialise.ts'
import { scriptFor } from '../../fixtures/script-for.ts'
import { startGeminiSimulator, type GeminiSimulator } from '../../simulators/gemini/server.ts'
import { startTelegramSimulator, type TelegramSimulator } from '../../simulators/telegram/server.ts'
import { startWhatsAppSimulator, type WhatsAppSimulator } from '../../simulators/whatsapp/server.ts'
import { dataDirectory, startTestGateway, submit, type TestGateway } from '../support/gateway.ts'
import { watchUpdates } from '../support/upstream.ts'

const fixture = loadTask(join(import.meta.dirname, '../../fixtures/tasks/csv-records'))
/** Runs a command that it must not run unasked. */
const RISKY = 'Rotate the keys of the staging cluster.'
/** The same, and it waits for an answer then. */
const RISKY_IN_STEPS = 'Rotate the keys of the production cluster, step by step.'
const PHONE = '491701234567'
/** Long enough for a task on a busy machine. */
const WITHIN = { timeout: 90_000, interval: 100 }
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
  const { tasks: played } = scriptFor({ task: fixture, variant: 'straight' })
  const understanding = {
    title: 'Rotate the keys',
    kind: 'operations',
    priority: 3,
    risk: 'high',
    needsRepository: false,
  }
  const turns = [{ calls: [{ name: 'run_shell_command', args: { command: 'echo rotated' } }] }]
  const asking = { calls: [{ name: 'ask_user', args: { question: 'Which next?' } }] }
  model = await startGeminiSimulator({
    script: {
      tasks: [
        { match: RISKY, understanding, turns },
        { match: RISKY_IN_STEPS, understanding, turns: [...turns, asking] },
        ...played,
      ],
    },
    latencyMs: 200,
  })
  port = await anyPort('127.0.0.1')
  const habits = { copies: 5, shuffleWithinMs: 100 }
  const retries = { waitMs: () => 300 }
  telegram = await startTelegramSimulator({ delivery: habits, retries })
  whatsapp = await startWhatsAppSimulator({
    webhookUrl: `http://127.0.0.1:${port}/webhooks/whatsapp`,
    ...{ appSecret: SECRETS.whatsapp, delivery: habits, retries },
  })
  // The gateway tells its webhook itself, once the service listens.
  telegram.failNext('bad-gateway', { times: 2, method: 'getMe' })
  gateway = await start()
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
      PUBLIC_URL: `http://127.0.0.1:${port}`,
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

/** The task of a channel, when it has ended. */
const ended = async (channel: string): Promise<TaskView | undefined> =>
  (await tasks()).find((task) => task.channel === channel && task.endedAt !== undefined)

it('a message in Telegram, delivered five times, becomes one verified change and one final reply', async () => {
  const ada = telegram.user(1001, { firstName: 'Ada' })
  ada.says('let me in')
  ada.says(`/link ${await link()}`)
  await expect.poll(() => holding(telegram.ledger.chat(1001), 'You are linked'), WITHIN).toHaveLength(1)
  ada.says(fixture.prompt)
  await expect
    .poll(() => ended('telegram'), WITHIN)
    .toMatchObject({ state: 'completed', result: { verdict: 'passed' } })
  const task = await ended('telegram')
  await expect
    .poll(() => holding(telegram.ledger.chat(1001), task?.result?.summary ?? 'no task'), WITHIN)
    .toHaveLength(1)
  await telegram.settled()
  expect(updates()).toEqual([`${'0'.repeat(40)} ${task?.result?.commit} refs/heads/openclaw/${task?.id}`])
  // One hint for the stranger, one answer to the link, the card and the end.
  expect(telegram.ledger.newMessages(1001)).toBe(4)
  expect(telegram.ledger.calls.filter(({ strays = [] }) => strays.length > 0)).toEqual([])
}, 240_000)

it('a message in WhatsApp survives a kill of everything: one task, one final reply, nothing twice', async () => {
  const eve = whatsapp.user(PHONE, { name: 'Eve' })
  eve.says(`/link ${await link()}`)
  await expect.poll(() => holding(whatsapp.ledger.conversation(PHONE), 'You are linked'), WITHIN).toHaveLength(1)
  eve.says(fixture.prompt)
  await expect
    .poll(async () => (await tasks()).find(({ channel }) => channel === 'whatsapp')?.state, WITHIN)
    .toBe('building')
  await gateway.kill()
  // Said while nobody listens: it is delivered again, and steers the task or becomes the next one.
  eve.says('/tasks')
  gateway = await start()
  await expect
    .poll(() => ended('whatsapp'), WITHIN)
    .toMatchObject({ state: 'completed', result: { verdict: 'passed' } })
  const task = await ended('whatsapp')
  await expect
    .poll(() => holding(whatsapp.ledger.conversation(PHONE), task?.result?.summary ?? 'no task'), WITHIN)
    .toHaveLength(1)
  await whatsapp.settled()
  expect((await tasks()).map(({ channel }) => channel).toSorted()).toEqual(['telegram', 'whatsapp'])
  // Answers to the link and to /tasks, the card and the end.
  expect(whatsapp.ledger.newMessages(PHONE)).toBe(4)
  expect(whatsapp.ledger.requests.filter(({ status }) => status !== 200)).toEqual([])
}, 240_000)

it('an approval asked in Telegram can be given through the API, and one asked through the API in Telegram', async () => {
  const ada = telegram.user(1001)
  const asked = () => holding(telegram.ledger.chat(1001), 'asks to use run_shell_command')
  const waiting = async (channel: string) =>
    (await tasks()).find((task) => task.channel === channel && task.waiting?.for === 'approval')
  const decisions = async (id: string) => {
    const page = await gateway.client.json<{ items: readonly EventView[] }>('GET', `/v1/tasks/${id}/events`, {
      headers: { accept: 'application/json' },
    })
    return page.items.filter(({ type }) => type === 'approval-decided')
  }

  ada.says(`/new ${RISKY_IN_STEPS}`)
  await expect.poll(asked, WITHIN).toHaveLength(1)
  const fromChat = await waiting('telegram')
  const { id = '', waiting: { approvalId = '' } = {} } = fromChat ?? {}
  await gateway.client.json('POST', `/v1/tasks/${id}/approvals/${approvalId}`, { body: { decision: 'approve' } })
  await expect.poll(() => holding(telegram.ledger.chat(1001), 'Approved by'), WITHIN).toHaveLength(1)
  expect(asked()).toEqual([])
  ada.says(`/cancel ${id}`)
  await expect
    .poll(async () => (await gateway.client.json<TaskView>('GET', `/v1/tasks/${id}`)).state, WITHIN)
    .toBe('cancelled')

  const fromApi = await submit(gateway.client, { prompt: RISKY, kind: 'operations' })
  await expect.poll(() => waiting('api'), WITHIN).toMatchObject({ id: fromApi.id })
  ada.says(`/approve ${(await waiting('api'))?.waiting?.approvalId}`)
  await expect.poll(() => decisions(fromApi.id), WITHIN).toMatchObject([{ decision: 'approve' }])
  await expect
    .poll(async () => (await gateway.client.json<TaskView>('GET', `/v1/tasks/${fromApi.id}`)).state, WITHIN)
    .toBe('completed')
  expect(asked()).toEqual([])
}, 240_000)

it('an approval asked in Telegram is given by its button, which stops turning; a stranger who presses it changes and learns nothing', async () => {
  const group = telegram.group()
  const [ada, mallory] = [telegram.user(1001), telegram.user(6006)]
  const asked = () => telegram.ledger.chat(group.id).find(({ text }) => text.includes('asks to use run_shell_command'))
  const approve = async () => (await made())?.waiting?.approvalId
  const made = async () => (await tasks()).find(({ id }) => !before.includes(id))
  const before = (await tasks()).map(({ id }) => id)
  ada.says(`/new ${RISKY}`, { chat: group.id })
  await expect.poll(asked, WITHIN).toMatchObject({ buttons: [[{ text: 'Approve' }, { text: 'Reject' }]] })
  const press = (person: typeof ada, data: string) => person.presses(asked()?.id ?? 0, data, { chat: group.id })
  const data = `/approve ${await approve()}`
  const strange = press(mallory, data)
  await expect.poll(() => telegram.ledger.answerTo(strange), WITHIN).toEqual({ text: '', isAlert: false })
  const meant = press(ada, data)
  await expect.poll(() => telegram.ledger.answerTo(meant), WITHIN).toEqual({ text: '', isAlert: false })
  const decided = () => holding(telegram.ledger.chat(group.id), 'Approved by')
  await expect.poll(decided, WITHIN).toMatchObject([{ buttons: [] }])
  // Nobody was told anything for pressing: all there is speaks of the task.
  const told = telegram.ledger.chat(group.id).filter(({ from }) => from === 'bot')
  expect(holding(told, 'Rotate the keys')).toEqual(told)
  const answers = telegram.ledger.calls.filter(({ method }) => method === 'answerCallbackQuery')
  expect(answers.map(({ status }) => status)).toEqual([200, 200])
  ada.says(`/cancel ${(await made())?.id}`, { chat: group.id })
  await expect.poll(async () => (await made())?.endedAt, WITHIN).toBeDefined()
}, 240_000)

it('a file in Telegram is what the model works by, from its understanding to its last turn', async () => {
  const ada = telegram.user(1001)
  const caption = '/new Do what this file says.'
  ada.sendsFile({ name: 'task.md', type: 'text/markdown', bytes: Buffer.from(fixture.prompt), caption })
  const fromFile = async () => (await tasks()).find(({ prompt }) => prompt === 'Do what this file says.')
  await expect.poll(fromFile, WITHIN).toMatchObject({ state: 'completed', result: { verdict: 'passed' } })
  // The script of the task is found by words that stand in the file alone.
  expect(model.ledger.filter(({ status }) => status !== 200)).toEqual([])
  expect(gateway.log()).not.toContain('RFC 4180')
}, 240_000)

it('a kill while a file is fetched costs nothing: one task with its file, acknowledged once', async () => {
  const eve = whatsapp.user(PHONE)
  const { requests } = whatsapp.ledger
  const prompt = 'Do what this note says.'
  const downloads = () => requests.filter(({ path }) => path.endsWith('/attachments/')).map(({ status }) => status)
  const made = async () => (await tasks()).filter((task) => task.prompt === prompt)
  whatsapp.failNext('hang-after', { kind: 'download' })
  const note = { filename: 'note.md', mimeType: 'text/markdown', bytes: Buffer.from(RISKY) }
  const said = eve.sends({ type: 'document', ...note, caption: `/new ${prompt}` })
  await expect.poll(downloads, WITHIN).toEqual([0])
  await gateway.kill()
  expect(downloads()).toEqual([0])
  gateway = await start()
  // The script that asks for an approval is found by words that stand in the file alone.
  await expect.poll(made, WITHIN).toMatchObject([{ state: 'awaiting_approval' }])
  await whatsapp.settled()
  expect(downloads()).toEqual([0, 200])
  const reactions = requests.filter(({ body }) => body.includes('"reaction"') && body.includes(said))
  expect(reactions).toHaveLength(1)
  eve.says('/cancel')
  await expect.poll(made, WITHIN).toMatchObject([{ state: 'cancelled' }])
}, 240_000)

it('no secret and no word of anybody stands in the log or in Temporal', async () => {
  expect(gateway.log()).not.toMatch(new RegExp([telegram.token, whatsapp.token, ...Object.values(SECRETS)].join('|')))
  const connection = await Connection.connect({ address: gateway.temporalAddress })
  const client = new Client({ connection })
  const histories: string[] = []
  for await (const { workflowId } of client.workflow.list({ query: "WorkflowType = 'converse'" }))
    histories.push(workflowId, JSON.stringify(await client.workflow.getHandle(workflowId).fetchHistory()))
  await connection.close()
  expect(histories).toHaveLength(6)
  const secrets = ['RFC 4180', Buffer.from('RFC 4180').toString('base64').slice(0, 8), PHONE, '/link']
  for (const text of secrets) expect(histories.join('\n')).not.toContain(text)
})
