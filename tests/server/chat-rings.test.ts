import { afterEach, describe, expect, it } from 'vitest'
import type { TaskEventType } from '../../domain/events.ts'
import type { Task, TaskState, Waiting } from '../../domain/task.ts'
import { startTelegramSimulator } from '../../simulators/telegram/server.ts'
import { startWhatsAppSimulator } from '../../simulators/whatsapp/server.ts'
import { startLiveChat, type LiveChat } from '../support/chat/live.ts'
import { startReceiver } from '../support/webhook-receiver.ts'

const WITHIN = { timeout: 30_000, interval: 50 }
const PHONE = '491701234567'
const TEMPLATE = { name: 'task_news', language: 'en_US' }
const DAY_MS = 25 * 3_600_000
const ZIP = { bytes: Buffer.from('PK\u0003\u0004\0'), type: 'application/zip' }

/** A person with a phone that rings. */
interface Phone {
  readonly chat: LiveChat
  sendsZip(name: string, caption: string): void
  says(text: string): void
  /** What it shows of the gateway. */
  texts(): readonly string[]
  rings(): number
  /** Lets so much time go by at the service. */
  waits?(ms: number): void
}

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

async function telegram(): Promise<Phone> {
  const simulator = await startTelegramSimulator()
  const chat = await startLiveChat({
    ...{ TELEGRAM_BOT_TOKEN: simulator.token, TELEGRAM_API_BASE_URL: simulator.url, TELEGRAM_MODE: 'polling' },
  })
  closing.push(() => simulator.close(), chat.close)
  const ada = simulator.user(1001)
  return {
    chat,
    sendsZip: (name, caption) => void ada.sendsFile({ name, caption, ...ZIP }),
    says: (text) => void ada.says(text),
    texts: () =>
      simulator.ledger
        .chat(1001)
        .filter(({ from }) => from === 'bot')
        .map(({ text }) => text),
    rings: () =>
      simulator.ledger.calls.filter(
        ({ method, parameters }) => method === 'sendMessage' && parameters['disable_notification'] !== 'true',
      ).length,
  }
}

async function whatsapp(template?: typeof TEMPLATE): Promise<Phone> {
  let ahead = 0
  const receiver = await startReceiver(async ({ body }) => {
    const [webhook] = chat.webhooks.channels
    await chat.webhooks.take(webhook?.read(JSON.parse(Buffer.from(body, 'latin1').toString('utf8'))) as never)
    return {}
  })
  const simulator = await startWhatsAppSimulator({
    ...{ webhookUrl: receiver.url, appSecret: 's', now: () => Date.now() + ahead },
    ...(template && { templates: [{ ...template, body: 'There is news: {{1}}' }] }),
  })
  const chat = await startLiveChat({
    ...{ WHATSAPP_ACCESS_TOKEN: simulator.token, WHATSAPP_PHONE_NUMBER_ID: simulator.phoneNumberId },
    ...{ WHATSAPP_APP_SECRET: 's', WHATSAPP_VERIFY_TOKEN: 'v', WHATSAPP_API_BASE_URL: simulator.url },
    ...(template && { WHATSAPP_TEMPLATE: `${template.name}:${template.language}` }),
  })
  closing.push(receiver.close, chat.close, () => simulator.close())
  const eve = simulator.user(PHONE)
  return {
    chat,
    sendsZip: (filename, caption) =>
      void eve.sends({ type: 'document', filename, caption, bytes: ZIP.bytes, mimeType: ZIP.type }),
    says: (text) => void eve.says(text),
    texts: () =>
      simulator.ledger
        .conversation(PHONE)
        .filter(({ from }) => from === 'business')
        .map(({ text }) => text),
    rings: () => simulator.ledger.newMessages(PHONE),
    waits: (ms) => (ahead += ms),
  }
}

const newest = async ({ store }: LiveChat): Promise<Task | undefined> =>
  (await store.tasks.list({ tenant: 'default', limit: 1 })).items[0]

/** What a task does to its chat, and everything sent of it. */
function courseOf({ store }: LiveChat, taskId: string) {
  const change = { builder: { id: 'b1', seat: 1, attempt: 1 } }
  const targets = ['telegram', 'whatsapp']
  const move = (to: TaskState, event: TaskEventType, waiting: Waiting | null = null) =>
    store.tasks.move({
      ...{ taskId, to, events: [{ type: event, data: { name: 'replace', decision: 'approve', by: 'key:1' } }] },
      change: { waiting, ...(to === 'building' && change) },
    })
  return {
    move,
    /** Until the chat has been told all of it, or waits for its person. */
    async told(state: object = { pending: 0, sending: 0 }) {
      await expect.poll(() => store.followers.behind({ targets, limit: 1 }), WITHIN).toEqual([])
      await expect
        .poll(async () => ({ pending: 0, sending: 0, ...(await store.outbox.counts()) }), WITHIN)
        .toMatchObject(state)
    },
    async asks(number: number) {
      const waiting = { for: 'approval', approvalId: `approval-${number}`, tool: 'replace' } as const
      await move('awaiting_approval', 'approval-requested', waiting)
      await this.told()
      await move('building', 'approval-decided')
      await this.told()
    },
    async ends() {
      await move('verifying', 'turn-started')
      await move('delivering', 'turn-started')
      const result = { summary: `Done.${' A line of the result.'.repeat(600)}`, verdict: 'passed' } as const
      await store.tasks.move({ taskId, to: 'completed', events: [{ type: 'task-ended' }], change: { result } })
    },
  }
}

describe('a task with files nobody reads, a question, three approvals and a long result', () => {
  it.each([
    ['Telegram', telegram, false],
    ['WhatsApp', () => whatsapp(), false],
    ['WhatsApp, whose person is asked to write before the end', () => whatsapp(TEMPLATE), true],
  ] as const)('makes a phone ring four times at most: %s', async (_, begin, isSilent) => {
    const phone = await begin()
    const { chat } = phone
    const hints = (name: string) => phone.texts().filter((text) => text.includes(`I cannot read ${name}`))
    phone.sendsZip('first.zip', 'fix the login')
    await expect.poll(() => newest(chat), WITHIN).toMatchObject({ prompt: 'fix the login' })
    const taskId = (await newest(chat))?.id ?? ''
    const course = courseOf(chat, taskId)
    await course.told()
    expect(hints('first.zip')).toHaveLength(1)
    await course.move('understanding', 'turn-started')
    await course.move('queued', 'task-queued')
    await course.move('building', 'turn-started')
    phone.sendsZip('second.zip', 'and the logout')
    await expect.poll(() => chat.store.conversations.unread(taskId), WITHIN).toEqual(['and the logout'])
    for (const number of [1, 2, 3]) await course.asks(number)
    await course.move('awaiting_input', 'input-requested', { for: 'input', question: 'Blue or red?' })
    await course.told()
    await course.move('building', 'turn-started')
    if (isSilent) phone.waits?.(DAY_MS)
    await course.ends()
    if (isSilent) {
      await course.told({ pending: 1 })
      await expect.poll(() => phone.texts().at(-1), WITHIN).toContain('There is news')
      phone.says('/help')
    }
    await course.told()
    const said = phone.texts().filter((text) => !text.includes('/help'))
    expect(said.some((text) => text.includes('Done. A line'))).toBe(true)
    expect([hints('first.zip').length, hints('second.zip').length]).toEqual([1, 1])
    // What /help answers was asked for.
    expect(phone.rings() - (isSilent ? 1 : 0)).toBeLessThanOrEqual(4)
  })
})

it.each([
  ['Telegram', telegram, 0],
  ['WhatsApp', () => whatsapp(), 1],
] as const)('an approval still rings after a file that was left out: %s', async (_, begin, hintRings) => {
  const phone = await begin()
  const { chat } = phone
  phone.says('fix the login')
  await expect.poll(() => newest(chat), WITHIN).toBeDefined()
  const taskId = (await newest(chat))?.id ?? ''
  const course = courseOf(chat, taskId)
  await course.move('understanding', 'turn-started')
  await course.move('queued', 'task-queued')
  await course.move('building', 'turn-started')
  await course.told()
  const before = phone.rings()
  for (const name of ['one', 'two', 'three']) phone.sendsZip(`${name}.zip`, `see ${name}`)
  await expect.poll(() => chat.store.conversations.unread(taskId), WITHIN).toHaveLength(3)
  await course.told()
  expect(phone.rings()).toBe(before + hintRings)
  await course.asks(1)
  expect(phone.rings()).toBe(before + hintRings + 1)
})
