import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { createConversationActivities } from '../../../activities/chat/conversation.ts'
import type { ChatRepository } from '../../../activities/chat/desk.ts'
import { openStore } from '../../../adapters/postgres/store.ts'
import { createTaskIntake } from '../../../api/task-intake.ts'
import type { ChatAccess } from '../../../domain/chat/access.ts'
import type { ChatMessage } from '../../../domain/chat/message.ts'
import type { Role } from '../../../domain/permissions.ts'
import type { Channel } from '../../../domain/ports/channel.ts'
import type { Post } from '../../../domain/ports/outbox.ts'
import type { Store } from '../../../domain/ports/store.ts'
import type { Task } from '../../../domain/task.ts'
import { freshDatabase } from '../database.ts'
import { Crash, createTestTaskControl, type TestTaskControl } from '../task-control.ts'
import { chatMessage, received } from './messages.ts'
import { EDITING } from './traits.ts'

/** A conversation's steps on a real store; what it would send stands in the outbox. */
export interface TestDesk {
  readonly store: Store
  /** URL of the store's database. */
  readonly database: string
  readonly control: TestTaskControl
  /** Says something and carries it out as the workflow does; gives the answers it got. */
  says(text: string, more?: Partial<ChatMessage>): Promise<readonly Said[]>
  /** Tasks of the chat, newest first. */
  tasks(): Promise<readonly Task[]>
  /** Ties the usual sender, or another one, to an account with these roles; gives its subject. */
  link(sender?: string, roles?: readonly Role[]): Promise<string>
  close(): Promise<void>
}

export interface Said {
  /** The provider's id of the message. */
  readonly id: string
  readonly text: string
  readonly buttons: readonly string[]
}

/** A channel that nobody reads: it only has the measure of one. */
const SILENT: Channel = {
  name: 'telegram',
  traits: EDITING,
  botName: 'our_bot',
  reconciliation: 'never',
  send: () => Promise.resolve({ type: 'refused', reason: 'nobody sends here' }),
  edit: () => Promise.resolve({ type: 'refused', reason: 'nobody sends here' }),
  acknowledge: () => Promise.resolve(),
  introduce: () => Promise.resolve(),
  download: () => Promise.resolve({ type: 'gone', reason: 'nobody sent a file' }),
}

export async function openTestDesk(
  options: {
    readonly access?: ChatAccess
    readonly repositories?: readonly ChatRepository[]
    /** Gives out the files of messages; nobody does without it. */
    readonly channel?: Pick<Channel, 'download'>
  } = {},
): Promise<TestDesk> {
  const database = await freshDatabase()
  const store = await openStore({ url: database, connections: 6 })
  const control = createTestTaskControl(store)
  const activities = createConversationActivities({
    ...{ store, control, access: options.access ?? { mode: 'linked' }, repositories: options.repositories ?? [] },
    intake: createTaskIntake({
      ...{ store, tasks: control, outboundAllowlist: [], log: { error: () => undefined } },
      checkRepository: () => ({}),
    }),
    channels: new Map([['telegram', { ...SILENT, ...options.channel }]]),
    linkOf: (taskId) => `https://gw.example/tasks/${taskId}`,
    clock: () => new Date(),
  })
  let links = 0
  return {
    ...{ store, database, control },
    async says(text, more = {}) {
      const [message] = await store.chats.receive([chatMessage({ text, ...more })])
      if (!message) return []
      const { conversation } = message
      const answers: Said[] = []
      for (;;) {
        const next = await activities.readNextMessage({ conversation })
        if (!next) return answers
        if ('waitMs' in next) await delay(next.waitMs)
        else {
          // Every step may be repeated; the effects are the same once.
          await activities.carryOut(next).catch(unlessCrash)
          await activities.carryOut(next)
          answers.push(...(await answersOf(store)))
        }
      }
    },
    async tasks() {
      const conversation = await received(store, chatMessage({ kind: 'wordless' }))
      const next = await store.chats.next(conversation)
      await store.chats.markHandled(next?.number ?? 0)
      return store.chats.tasks({ conversation, limit: 20 })
    },
    async link(sender = '1001', roles = ['submitter']) {
      links++
      const id = `key-${links}`
      await store.keys.create({ id, name: `Key ${links}`, tenant: 'default', roles, hash: id })
      const caller = { subject: `key:${id}`, name: `Key ${links}`, tenant: 'default', roles }
      const codeHash = createHash('sha256').update(`CODE${links}`).digest('hex')
      await store.chatUsers.offerLink({ codeHash, caller, expiresAt: '2090-01-01T00:00:00Z' })
      await store.chatUsers.redeemLink({ codeHash, channel: 'telegram', sender: { id: sender }, message: -links })
      return caller.subject
    },
    close: () => store.close(),
  }
}

function unlessCrash(error: unknown): void {
  if (!(error instanceof Crash)) throw error
}

/** Takes what waits in the outbox, as sent. */
async function answersOf(store: Store): Promise<readonly Said[]> {
  const said: Said[] = []
  for (let claimed = await store.outbox.claim('telegram'); claimed; claimed = await store.outbox.claim('telegram')) {
    said.push(saidIn(claimed.post))
    await store.outbox.settle({
      id: claimed.post.id,
      attempt: claimed.attempt,
      outcome: { state: 'sent', providerId: claimed.post.id },
    })
  }
  return said
}

function saidIn(post: Post): Said {
  const { id } = post
  if (post.type === 'callback') return { id, text: post.body, buttons: [] }
  if (post.type === 'invitation') return { id, text: post.about, buttons: [] }
  return { id, text: post.text.text, buttons: post.buttons.map(({ command }) => command) }
}
