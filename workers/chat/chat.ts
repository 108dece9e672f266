import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Client } from '@temporalio/client'
import type { Logger } from 'pino'
import { beating } from '../../activities/beating.ts'
import { createConversationActivities } from '../../activities/chat/conversation.ts'
import { createCallbackSender } from '../../adapters/callback/callback-sender.ts'
import type { Config } from '../../adapters/config.ts'
import { readKnownRepositories } from '../../adapters/git/known-repositories.ts'
import { paths } from '../../adapters/paths.ts'
import type { ApiDependencies } from '../../api/dependencies.ts'
import type { ChatAccess } from '../../domain/chat/access.ts'
import type { ConversationActivities } from '../../domain/contracts.ts'
import type { Channel, OpenChannel } from '../../domain/ports/channel.ts'
import type { Store } from '../../domain/ports/store.ts'
import type { TaskControl, TaskIntake } from '../../domain/ports/task-control.ts'
import type { TaskView } from '../../domain/schemas/task.ts'
import type { Task } from '../../domain/task.ts'
import { whileLeading } from '../while-leading.ts'
import { createChatInbox, type ChatInbox } from './inbox.ts'
import { introduce } from './introduction.ts'
import { reportToFollowers } from './reporter.ts'
import { sendOutbox, type SenderOptions } from './sender.ts'

export interface ChatOptions {
  readonly config: Config
  /** Those that are configured. */
  readonly channels: readonly OpenChannel[]
  readonly store: Store
  readonly client: Pick<Client, 'workflow'>
  readonly control: TaskControl
  readonly intake: TaskIntake
  /** A task as the API shows it. */
  readonly viewOf: (task: Task) => TaskView
  /** Where people look at a task. */
  readonly linkOf: (taskId: string) => string
  readonly logger: Logger
}

/** Everything of a gateway process that has to do with chats and callbacks. */
export interface Chat {
  readonly activities: ConversationActivities
  readonly webhooks: ApiDependencies['webhooks']
  /** Receives, reports and sends until the signal. */
  run(signal: AbortSignal): Promise<void>
}

/** Puts the configured channels together with inbox, conversations and outbox. */
export async function createChat(options: ChatOptions): Promise<Chat> {
  const { config, store, control, intake, viewOf, linkOf, logger } = options
  const channels = new Map(options.channels.map(({ channel }) => [channel.name, channel]))
  const access = accessOf(config)
  const inbox = createChatInbox({ ...options, channels, access })
  const clock = () => new Date()
  const callbacks = createCallbackSender({
    secret: config.CALLBACK_SECRET ?? (await readOrMakeSecret(paths(config).callbackSecret)),
    allowlist: config.OUTBOUND_ALLOWLIST,
    clock,
  })
  const repositories = await readKnownRepositories(config.REPOSITORIES_FILE)
  const desk = { store, control, intake, channels, access, repositories, linkOf, clock }
  const onFailure = (error: unknown) => logger.warn({ reason: reasonOf(error) }, 'a chat step failed; it is repeated')
  // Ids alone: what was said is nobody's who reads logs.
  const onUnknown: SenderOptions['onUnknown'] = ({ post: { id, type }, reason, total }) =>
    logger.warn(
      { code: 'delivery_unknown', post: id, type, reason, total },
      'nobody can tell whether a message arrived',
    )
  const { carryOut, ...inboxSteps } = createConversationActivities(desk)
  return {
    activities: { ...inboxSteps, carryOut: (read) => beating(() => carryOut(read)) },
    webhooks: {
      channels: options.channels.flatMap(({ webhook }) => webhook ?? []),
      take: (received) => inbox.take(received),
    },
    async run(signal) {
      const work = async (leading: AbortSignal) => {
        const shared = { store, channels, clock, onFailure }
        await Promise.all([
          reportToFollowers({ ...shared, linkOf, viewOf }, leading),
          sendOutbox({ ...shared, callbacks, onUnknown }, leading),
        ])
      }
      await Promise.all([
        channels.size > 0 && inbox.sweep(signal),
        whileLeading({ store, office: 'outbox', work, onFailure }, signal),
        ...options.channels.map((opened) => polling(opened, { ...options, inbox }, signal)),
        ...[...channels.values()].map((channel) => introductionOf(channel, options, signal)),
      ])
    },
  }
}

function accessOf(config: Config): ChatAccess {
  if (config.CHAT_ACCESS !== 'allowlist') return { mode: config.CHAT_ACCESS }
  return { mode: 'allowlist', allowed: config.CHAT_ALLOWLIST }
}

/** Only with an address of its own a webhook can be announced; else the operator does that. */
function introductionOf(channel: Channel, { config, logger }: ChatOptions, signal: AbortSignal): Promise<void> {
  const base = config.PUBLIC_URL
  const webhookUrl = base === undefined ? undefined : `${base}/webhooks/${channel.name}`
  const onTrouble = (error: unknown) =>
    logger.warn(
      { channel: channel.name, reason: reasonOf(error) },
      'the service has not taken commands and webhook; it is repeated',
    )
  return introduce({ channel, webhookUrl, onTrouble }, signal)
}

async function polling(
  { channel: { name }, poll }: OpenChannel,
  { store, logger, inbox }: ChatOptions & { readonly inbox: ChatInbox },
  signal: AbortSignal,
): Promise<void> {
  if (!poll) return
  const onFailure = (reason: unknown) =>
    logger.warn({ channel: name, reason: reasonOf(reason) }, 'updates could not be fetched; it is repeated')
  const work = (leading: AbortSignal) => poll({ take: (received) => inbox.take(received), onFailure }, leading)
  await whileLeading({ store, office: `${name}-polling`, work, onFailure }, signal)
}

/** Never a whole error of a client library: some hold the address, and so a token. */
const reasonOf = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error)

async function readOrMakeSecret(file: string): Promise<string> {
  const known = (await readFile(file, 'utf8').catch(() => '')).trim()
  if (known !== '') return known
  const made = `whsec_${randomBytes(32).toString('base64')}`
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, `${made}\n`, { mode: 0o600 })
  return made
}
