import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { embeddedAddress } from '../../adapters/postgres/embedded-address.ts'
import { anyPort } from '../../adapters/processes/ports.ts'
import { SETTLE_MS } from '../../domain/limits.ts'
import type { TaskView } from '../../domain/schemas/task.ts'
import type { ModelRequest, ScriptedTurn } from '../../simulators/gemini/script.ts'
import { startGeminiSimulator, type GeminiSimulator } from '../../simulators/gemini/server.ts'
import { startTelegramSimulator, type TelegramSimulator } from '../../simulators/telegram/server.ts'
import { startWhatsAppSimulator, type WhatsAppSimulator } from '../../simulators/whatsapp/server.ts'
import { INTERRUPTED } from '../../workers/chat/sender.ts'
import { dataDirectory, startTestGateway, type TestGateway } from '../support/gateway.ts'

/** Of each channel. */
const PEOPLE = 5
/** Of each person. */
const MESSAGES = Number(process.env['CHAT_STORM_MESSAGES'] ?? 40) / (2 * PEOPLE)
/** Everything is killed in the first of these rounds of messages and in the one in the middle. */
const KILLED_ROUNDS = [0, Math.floor(MESSAGES / 2)]
/** The sender has two posts at a time on their way to a service. */
const IN_FLIGHT = 2
/** A question costs a gateway well under two seconds on one busy core; each kill costs it a start. */
const WITHIN = { timeout: 60_000 + 2 * PEOPLE * MESSAGES * 2_000, interval: 300 }

/** Answers every question at once with its own name. */
function model({ text, wantsJson }: ModelRequest): ScriptedTurn {
  const name = /question-[\w-]+/.exec(text)?.[0] ?? ''
  const understanding = {
    title: name,
    kind: 'question',
    summary: name,
    priority: 3,
    risk: 'low',
    needsRepository: false,
  }
  return { text: wantsJson ? JSON.stringify({ ...understanding, answer: `The answer to ${name}.` }) : 'Done.' }
}

const data = dataDirectory()
let port: number
let gemini: GeminiSimulator
let telegram: TelegramSimulator
let whatsapp: WhatsAppSimulator
let gateway: TestGateway
let database: pg.Client | undefined

beforeAll(async () => {
  port = await anyPort('127.0.0.1')
  gemini = await startGeminiSimulator({ script: model })
  const rough = { delivery: { copies: 5, shuffleWithinMs: 100 }, retries: { waitMs: () => 500 } }
  telegram = await startTelegramSimulator(rough)
  whatsapp = await startWhatsAppSimulator({
    webhookUrl: `http://127.0.0.1:${port}/webhooks/whatsapp`,
    appSecret: 's',
    ...rough,
  })
  gateway = await start()
  const hook = `url=http://127.0.0.1:${port}/webhooks/telegram&secret_token=secret`
  await fetch(`${telegram.url}/bot${telegram.token}/setWebhook?${hook}`)
})
afterAll(async () => {
  await database?.end()
  await gateway?.stop()
  await Promise.all([gemini?.close(), telegram?.close(), whatsapp?.close()])
  data.remove()
})

const start = (): Promise<TestGateway> =>
  startTestGateway({
    dataDirectory: data.path,
    environment: {
      ...{ PORT: String(port), CHAT_ACCESS: 'open', POOL: 'external' },
      ...{ GEMINI_API_KEY: 'any', GOOGLE_GEMINI_BASE_URL: gemini.url },
      ...{ TELEGRAM_BOT_TOKEN: telegram.token, TELEGRAM_WEBHOOK_SECRET: 'secret', TELEGRAM_API_BASE_URL: telegram.url },
      ...{ WHATSAPP_ACCESS_TOKEN: whatsapp.token, WHATSAPP_PHONE_NUMBER_ID: whatsapp.phoneNumberId },
      ...{ WHATSAPP_APP_SECRET: 's', WHATSAPP_VERIFY_TOKEN: 'v', WHATSAPP_API_BASE_URL: whatsapp.url },
    },
  })

type ChannelName = 'telegram' | 'whatsapp'
const CHANNELS: readonly ChannelName[] = ['telegram', 'whatsapp']
const PERSONS = Array.from({ length: PEOPLE }, (_, index) => index)
const ROUNDS = Array.from({ length: MESSAGES }, (_, index) => index)
const idOf = { telegram: (person: number) => 2_000 + person, whatsapp: (person: number) => `49170100000${person}` }
const nameOf = (channel: string, person: number, message: number) => `question-${channel}-${person}-${message}`
const CONVERSATIONS = CHANNELS.flatMap((channel) => PERSONS.map((person) => ({ channel, person })))
const EXPECTED = CONVERSATIONS.flatMap(({ channel, person }) =>
  ROUNDS.map((message) => nameOf(channel, person, message)),
)

/** What the gateway wrote to a person, in order. */
const shown = ({ channel, person }: (typeof CONVERSATIONS)[number]): readonly string[] =>
  channel === 'telegram'
    ? telegram.ledger
        .chat(idOf.telegram(person))
        .filter(({ from }) => from === 'bot')
        .map(({ text }) => text)
    : whatsapp.ledger
        .conversation(idOf.whatsapp(person))
        .filter(({ from }) => from === 'business')
        .map(({ text }) => text)
const answers = () =>
  CONVERSATIONS.flatMap(shown).flatMap((text) => /The answer to (question-[\w-]+)\./.exec(text)?.[1] ?? [])

interface Row {
  readonly id: string
  readonly target: ChannelName
  readonly conversation: string
  readonly number: number
  readonly state: string
  readonly reason: string | null
  readonly provider_id: string | null
  readonly question: string
}
const outbox = async (): Promise<readonly Row[]> =>
  (
    await database!.query<Row>(
      `select o.id, o.target, o.conversation, o.number::int, o.state, o.reason, o.provider_id, substring(t.prompt from 'question-[\\w-]+') as question
       from outbox o join task t on t.id = o.task_id where o.type = 'message' order by o.number`,
    )
  ).rows
const open = async () => (await outbox()).filter(({ state }) => state === 'pending' || state === 'sending')
const created = async (): Promise<readonly TaskView[]> => {
  const tasks: TaskView[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const after: string = cursor === '' ? '' : `&cursor=${cursor}`
    const page = await gateway.client.json<{ items: TaskView[]; nextCursor: string | null }>(
      'GET',
      `/v1/tasks?limit=200${after}`,
    )
    tasks.push(...page.items)
    cursor = page.nextCursor
  }
  return tasks
}

it(
  `${EXPECTED.length} messages, each five times, out of order, with two kills of everything and services that fail: one task, one answer each`,
  async () => {
    // Nobody can tell of these: the service may or may not have taken the message.
    for (const fault of ['internal', 'internal-after', 'reset-before', 'reset-after'] as const)
      telegram.failNext(fault, { method: 'sendMessage' })
    telegram.failNext('rate-limited', { times: 2, method: 'sendMessage' })
    for (const fault of ['internal-after', 'reset-after'] as const) whatsapp.failNext(fault, { kind: 'text' })
    for (const round of ROUNDS) {
      const before = answers().length
      for (const person of PERSONS) {
        telegram.user(idOf.telegram(person)).says(`/new ${nameOf('telegram', person, round)}`)
        whatsapp.user(idOf.whatsapp(person)).says(`/new ${nameOf('whatsapp', person, round)}`)
      }
      // Of messages that never arrived a successor waits for a report longer than the gateway that sent them.
      if (round === ROUNDS.length - 1)
        for (const fault of ['internal', 'reset-before'] as const) whatsapp.failNext(fault, { kind: 'text' })
      if (!KILLED_ROUNDS.includes(round)) continue
      await expect.poll(() => answers().length, WITHIN).toBeGreaterThan(before)
      await gateway.killEverything()
      gateway = await start()
    }
    await expect
      .poll(async () => (await created()).filter(({ endedAt }) => endedAt).length, WITHIN)
      .toBe(EXPECTED.length)
    expect((await created()).map(({ prompt }) => prompt).toSorted()).toEqual(EXPECTED.toSorted())
    database = new pg.Client({ connectionString: embeddedAddress(join(data.path, 'postgres')) })
    await database.connect()
    const ends = async () => (await outbox()).filter(({ id }) => id.endsWith('/end')).length
    await expect.poll(ends, WITHIN).toBe(EXPECTED.length)
    await expect.poll(open, WITHIN).toEqual([])
    await Promise.all([telegram.settled(), whatsapp.settled()])
  },
  60_000 + 3 * WITHIN.timeout,
)

it('every task has exactly one answer, or one that is unknown where nobody can know', async () => {
  const rows = await outbox()
  expect(rows.filter(({ state }) => state !== 'sent' && state !== 'unknown')).toEqual([])
  const unknown = rows.filter(({ state }) => state === 'unknown')
  expect(unknown.filter(({ target }) => target !== 'telegram')).toEqual([])
  // Each doubt has its cause: a call whose answer was made to get lost, or a kill with two calls at most on their way.
  const lost = telegram.ledger.calls.filter(
    ({ method, fault }) => method === 'sendMessage' && fault !== undefined && fault !== 'rate-limited',
  )
  const interrupted = unknown.filter(({ reason }) => reason === INTERRUPTED)
  expect(lost).toHaveLength(4)
  expect(unknown.length - interrupted.length).toBeLessThanOrEqual(lost.length)
  expect(interrupted.length).toBeLessThanOrEqual(KILLED_ROUNDS.length * IN_FLIGHT)
  for (const { reason, question } of unknown)
    if (reason !== INTERRUPTED)
      expect(lost.filter(({ parameters }) => parameters['text']?.includes(question))).not.toEqual([])
  const counted = await Promise.all(
    (await created()).map(({ id }) => gateway.client.json<TaskView>('GET', `/v1/tasks/${id}`)),
  )
  expect(counted.reduce((sum, { notifications }) => sum + (notifications?.unknown ?? 0), 0)).toBe(unknown.length)

  const doubtful = new Set(unknown.filter(({ id }) => id.endsWith('/end')).map(({ question }) => question))
  const given = answers()
  expect(given).toHaveLength(new Set(given).size)
  expect(EXPECTED.filter((name) => !given.includes(name) && !doubtful.has(name))).toEqual([])
  const arrived = unknown.filter(({ id, question }) => id.endsWith('/end') && given.includes(question))
  console.info(
    `${EXPECTED.length} tasks, ${given.length} answers seen, ${unknown.length} messages unknown (${interrupted.length} by kills), ${arrived.length} unknown answers seen all the same`,
  )
})

it('no message is shown twice: what people see is what was sent, and at most what is unknown', async () => {
  const rows = await outbox()
  for (const channel of CHANNELS) {
    const shownThere = channel === 'telegram' ? telegram.ledger.newMessages() : whatsapp.ledger.newMessages()
    const [sent, unknown] = ['sent', 'unknown'].map(
      (state) => rows.filter((row) => row.target === channel && row.state === state).length,
    ) as [number, number]
    expect(shownThere).toBeGreaterThanOrEqual(sent)
    expect(shownThere).toBeLessThanOrEqual(sent + unknown)
  }
})

it('the order of a conversation is kept: messages taken as they were said, answers shown as they were posted', async () => {
  const { rows } = await database!.query<{ earlier: string; later: string }>(
    `select a.id as earlier, b.id as later from chat_message a join chat_message b on b.conversation = a.conversation
     where a.place < b.place and a.handled_at > b.handled_at
       and a.received_at <= b.received_at + make_interval(secs => $1 / 1000.0)`,
    [SETTLE_MS / 2],
  )
  expect(rows).toEqual([])
  const sent = (await outbox()).filter(({ state, target }) => state === 'sent' && target === 'telegram')
  for (const conversation of new Set(sent.map((row) => row.conversation))) {
    const ids = sent.filter((row) => row.conversation === conversation).map(({ provider_id }) => Number(provider_id))
    expect(ids).toEqual(ids.toSorted((one, other) => one - other))
  }
})
