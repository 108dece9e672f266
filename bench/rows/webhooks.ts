import { setTimeout as delay } from 'node:timers/promises'
import type { TelegramSimulator } from '../../simulators/telegram/server.ts'
import type { Line, Row } from '../row.ts'
import type { Stage } from '../stage.ts'
import { quantile } from '../statistics.ts'

const PEOPLE = 20
const PER_SECOND = 10
const MESSAGES = 60 * PER_SECOND
/** Each has been answered long before the next one. */
const IDLE_MESSAGES = 20
const IDLE_PAUSE_MS = 1_000
/** What is still under way after the last message is seen by then. */
const ACKNOWLEDGED_WITHIN_MS = 60_000
const PAGE = 100

interface Update {
  readonly update_id: number
  readonly message: { readonly message_id: number; readonly chat: { readonly id: number } }
}

interface Delivered {
  readonly tookMs: number
  /** Milliseconds since 1970. */
  readonly answeredAt: number
}

/** A webhook a tenth of a second for a minute, and how soon its sender sees that the message has arrived, also when idle. */
export const webhooks: Row = {
  name: 'webhooks',
  latencyMs: 0,
  async measure(stage): Promise<readonly Line[]> {
    const all = await said(stage.telegram, IDLE_MESSAGES + MESSAGES)
    const [calm, updates] = [all.slice(0, IDLE_MESSAGES), all.slice(IDLE_MESSAGES)]
    const bare = await stage.bareWebhook()
    const idle: Delivered[] = []
    for (const update of calm) {
      idle.push(await deliver(stage.telegramWebhook, update))
      await delay(IDLE_PAUSE_MS)
    }
    const acknowledgedIdle = await acknowledgements(stage, { updates: calm, delivered: idle })
    const product: Delivered[] = []
    const floor: Delivered[] = []
    const begun = Date.now()
    const running: Promise<unknown>[] = []
    for (const [index, update] of updates.entries()) {
      await delay(Math.max(0, begun + (index * 1_000) / PER_SECOND - Date.now()))
      running.push(deliver(stage.telegramWebhook, update).then((one) => (product[index] = one)))
      // In between, so that neither waits for the other.
      await delay(500 / PER_SECOND)
      running.push(deliver({ url: bare, headers: {} }, update).then((one) => (floor[index] = one)))
    }
    await Promise.all(running)
    const acknowledged = await acknowledgements(stage, { updates, delivered: product })
    const [measured, baseline] = [product, floor].map((all) => all.map(({ tookMs }) => tookMs)) as [number[], number[]]
    return [
      {
        what: `webhook, p99 at ${PER_SECOND} messages/s`,
        unit: 'ms',
        measured: quantile(measured, 0.99),
        baseline: quantile(baseline, 0.99),
        notes: [
          `${MESSAGES} commands of ${PEOPLE} people in a minute; p50 ${quantile(measured, 0.5).toFixed(1)} ms, baseline ${quantile(baseline, 0.5).toFixed(1)} ms`,
          'baseline: a bare Hono route that inserts one row in the same database, called in turn with the product',
        ],
      },
      acknowledgedLine(`p99 at ${PER_SECOND} messages/s`, acknowledged),
      acknowledgedLine('p99 idle', acknowledgedIdle),
    ]
  },
}

const acknowledgedLine = (when: string, tookMs: readonly number[]): Line => ({
  what: `webhook answered → acknowledged in the chat, ${when}`,
  unit: 'ms',
  measured: quantile(tookMs, 0.99),
  target: { of: 'value', bound: 'at most', limit: 1_000 },
  notes: [
    `from the answer to the webhook to the reaction under the message, of ${tookMs.length}; p50 ${quantile(tookMs, 0.5).toFixed(0)} ms, longest ${Math.max(...tookMs).toFixed(0)} ms`,
  ],
})

/** Commands, each answered by a reply; as updates the way the service would send them. */
async function said(telegram: TelegramSimulator, count: number): Promise<readonly Update[]> {
  for (let index = 0; index < count; index++) telegram.user(5_000 + (index % PEOPLE)).says('/help')
  const updates: Update[] = []
  while (updates.length < count) {
    const offset = (updates.at(-1)?.update_id ?? 0) + 1
    const answer = await fetch(`${telegram.url}/bot${telegram.token}/getUpdates?offset=${offset}&limit=${PAGE}`)
    updates.push(...((await answer.json()) as { result: Update[] }).result)
  }
  return updates
}

async function deliver(
  { url, headers }: { readonly url: string; readonly headers: Readonly<Record<string, string>> },
  update: Update,
): Promise<Delivered> {
  const since = performance.now()
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(update),
  })
  await answer.arrayBuffer()
  if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}`)
  return { tookMs: performance.now() - since, answeredAt: Date.now() }
}

const placeOf = ({ message }: Update): string => `${message.chat.id}/${message.message_id}`

/** Milliseconds from each answer to the reaction under its message. */
async function acknowledgements(
  { telegram }: Stage,
  { updates, delivered }: { readonly updates: readonly Update[]; readonly delivered: readonly Delivered[] },
): Promise<readonly number[]> {
  const seenAt = () =>
    new Map(
      telegram.ledger.calls
        .filter(({ method }) => method === 'setMessageReaction')
        .map(({ at, parameters }) => [`${parameters['chat_id']}/${parameters['message_id']}`, Date.parse(at)]),
    )
  const until = Date.now() + ACKNOWLEDGED_WITHIN_MS
  const isSeen = (seen: ReturnType<typeof seenAt>) => updates.every((update) => seen.has(placeOf(update)))
  while (!isSeen(seenAt()) && Date.now() < until) await delay(100)
  const seen = seenAt()
  return updates.map((update, index) => {
    const at = seen.get(placeOf(update)) ?? Number.POSITIVE_INFINITY
    return Math.max(0, at - (delivered[index]?.answeredAt ?? 0))
  })
}
