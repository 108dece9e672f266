import type { Client } from '@temporalio/client'
import { pino } from 'pino'
import { openChannels, CHANNELS } from '../../../adapters/channels.ts'
import { loadConfig } from '../../../adapters/config.ts'
import { openStore } from '../../../adapters/postgres/store.ts'
import { createTaskIntake } from '../../../api/task-intake.ts'
import { viewOf } from '../../../api/task-view.ts'
import type { Store } from '../../../domain/ports/store.ts'
import { createChat, type Chat } from '../../../workers/chat/chat.ts'
import { quietEnvironment } from '../builder.ts'
import { freshDatabase } from '../database.ts'
import { createTestTaskControl } from '../task-control.ts'

/** Everything of a gateway that has to do with chats, on a real store; a woken conversation is carried out here. */
export interface LiveChat {
  readonly store: Store
  /** URL of the store's database. */
  readonly database: string
  readonly webhooks: Chat['webhooks']
  close(): Promise<void>
}

/** The channels that these variables configure, or others. */
export async function startLiveChat(
  environment: Readonly<Record<string, string>>,
  open: (config: ReturnType<typeof loadConfig>) => ReturnType<typeof openChannels> = (config) =>
    openChannels(CHANNELS, config),
): Promise<LiveChat> {
  const config = loadConfig({ CHAT_ACCESS: 'open', CALLBACK_SECRET: `whsec_${'A'.repeat(32)}`, ...environment })
  const database = await freshDatabase()
  const store = await openStore({ url: database, connections: 8 })
  const control = createTestTaskControl(store)
  let conversing = Promise.resolve()
  const signalWithStart = (_: unknown, { workflowId }: { readonly workflowId: string }) =>
    (conversing = conversing.then(() => converse(chat, workflowId)))
  const chat = await createChat({
    ...{ config, store, control, channels: await open(config), logger: pino({ enabled: false }) },
    client: { workflow: { signalWithStart } } as unknown as Client,
    intake: createTaskIntake({
      ...{ store, tasks: control, outboundAllowlist: [], log: { error: () => undefined } },
      checkRepository: () => ({}),
    }),
    viewOf: (task) => viewOf(task, { publicUrl: () => 'https://gw.example', namespace: 'default' }),
    linkOf: (taskId) => `https://gw.example/tasks/${taskId}`,
  })
  const stopping = new AbortController()
  const running = chat.run(stopping.signal)
  return {
    ...{ store, database, webhooks: chat.webhooks },
    async close() {
      stopping.abort()
      await Promise.all([running, conversing])
      await store.close()
    },
  }
}

/** What the workflow of a conversation does, until nothing is left to be handled. */
async function converse({ activities }: Chat, conversation: string): Promise<void> {
  for (;;) {
    const next = await activities.readNextMessage({ conversation })
    if (!next) return
    if ('waitMs' in next) await new Promise((resolve) => setTimeout(resolve, next.waitMs))
    else await quietEnvironment().run(activities.carryOut, next)
  }
}
