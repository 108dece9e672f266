import { Dice } from '../webhook/dice.ts'
import { startLocalServer, type Answer, type WholeRequest } from '../webhook/local-server.ts'
import type { Attempt, DeliveryHabits, RetryLaw } from '../webhook/courier.ts'
import type { Desk } from './desk.ts'
import { Dispatcher } from './dispatcher.ts'
import { FaultPlan } from '../webhook/fault-plan.ts'
import type { Fault } from './faults.ts'
import { TelegramGroup } from './group.ts'
import { TelegramLedger, type ShownMessage } from './ledger.ts'
import { RateLimits } from './limits.ts'
import type { TelegramUser } from './messages.ts'
import { TelegramPerson } from './person.ts'
import { UpdateQueue } from './updates.ts'
import { TELEGRAM_RETRIES, Webhook } from './webhook.ts'
import { World } from './world.ts'

export interface TelegramSimulatorOptions {
  /** The bot's token; the number before the colon is its id. */
  readonly token?: string
  /** The bot's name without `@`. */
  readonly username?: string
  /** 0, the default, takes a free one. */
  readonly port?: number
  /** How updates are delivered to the webhook; once, at once, in order without it. */
  readonly delivery?: DeliveryHabits
  /** Deviations from the service's law of retries. */
  readonly retries?: Partial<RetryLaw>
  /** Refuses with 429 what comes too fast; off without it. */
  readonly rateLimits?: boolean
  /** In groups the bot hears only commands and answers to it, as bots do unless they ask for more; on without it. */
  readonly privacy?: boolean
  /** How long a pressed button can be answered, in milliseconds; a minute without it. */
  readonly callbackMs?: number
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** What chance is made from. */
  readonly seed?: number
  /** A file that gets a line of JSON for each call, before its answer. */
  readonly ledgerFile?: string
  /** Gets each new message of the bot. */
  readonly onMessage?: (message: ShownMessage) => void
}

export interface TelegramSimulator {
  /** The root of the API for clients, without a slash at its end. */
  readonly url: string
  readonly port: number
  readonly token: string
  readonly ledger: TelegramLedger
  /** Every attempt to deliver an update to the webhook. */
  readonly deliveries: readonly Attempt[]
  /** The person with this id; the first call says who that is. */
  user(id: number, profile?: { readonly firstName?: string; readonly username?: string }): TelegramPerson
  /** A new group with the bot in it; a basic one unless it is a supergroup or a forum. */
  group(options?: { readonly title?: string; readonly supergroup?: boolean; readonly forum?: boolean }): TelegramGroup
  /** Lets the next call (or as many as `times` says, or the next of a method) fail; `file` is the download of one. */
  failNext(fault: Fault, options?: { readonly times?: number; readonly method?: string }): void
  /** Lets every call fail like this, until it is called with undefined. */
  outage(fault: Fault | undefined): void
  /** Resolves when no update is on its way to the webhook any more. */
  settled(): Promise<void>
  close(): Promise<void>
}

const TOKEN = '4242424242:AAsimulatedTokenOfTelegramBot000000'
const CALLBACK_MS = 60_000
const OWNER: TelegramUser = { id: 7_000_000_001, is_bot: false, first_name: 'Owner' }

/** Starts a stand-in for the Telegram Bot API on 127.0.0.1 that refuses whatever the real one refuses. */
export async function startTelegramSimulator(options: TelegramSimulatorOptions = {}): Promise<TelegramSimulator> {
  const { token = TOKEN, now = Date.now, username = 'simulated_bot' } = options
  const bot = {
    id: Number(token.split(':')[0]),
    is_bot: true,
    first_name: 'Simulated',
    username,
    can_join_groups: true,
    can_read_all_group_messages: options.privacy === false,
    supports_inline_queries: false,
  }
  const world = new World(bot, now)
  const queue = new UpdateQueue()
  const ledger = new TelegramLedger(world, options.ledgerFile)
  world.onSent = (stored) => options.onMessage?.(ledger.shown(stored))
  const faults = new FaultPlan<Fault>()
  const webhook = new Webhook({
    queue,
    habits: options.delivery ?? {},
    law: { ...TELEGRAM_RETRIES, ...options.retries },
    dice: new Dice(options.seed ?? 1),
    unixTime: () => world.unixTime,
    onAnswer: (body) => void dispatcher.callFromWebhook(body),
  })
  const desk: Desk = {
    world,
    queue,
    webhook,
    limits: options.rateLimits === true ? new RateLimits(now) : undefined,
    callbackMs: options.callbackMs ?? CALLBACK_MS,
    commands: [],
  }
  const dispatcher = new Dispatcher({ desk, ledger, faults, token })
  const server = await startLocalServer(options.port ?? 0, (request: WholeRequest): Promise<Answer> =>
    dispatcher.answer(request),
  )
  const people = new Map<number, TelegramPerson>()
  return {
    url: server.url,
    port: server.port,
    token,
    ledger,
    get deliveries() {
      return webhook.attempts
    },
    user(id, profile = {}) {
      const { firstName = `User ${id}`, username: name } = profile
      const known = people.get(id)
      if (known) return known
      const face = { id, is_bot: false, first_name: firstName, ...(name !== undefined && { username: name }) }
      const person = new TelegramPerson(face, { world, queue, privacy: options.privacy ?? true })
      people.set(id, person)
      return person
    },
    group({ title = 'Group', supergroup = false, forum = false } = {}) {
      const type = supergroup || forum ? 'supergroup' : 'group'
      const face = { id: world.nextGroupId(type), type, title, ...(forum && { is_forum: true as const }) } as const
      return new TelegramGroup(world.open(face), { world, queue, owner: OWNER })
    },
    failNext: (fault, { times = 1, method } = {}) => faults.order(fault, times, method?.toLowerCase()),
    outage: (fault) => void (faults.outage = fault),
    settled: () => webhook.settled(),
    async close() {
      webhook.stop()
      await server.close()
    },
  }
}
