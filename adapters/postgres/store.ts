import pg from 'pg'
import type { Store } from '../../domain/ports/store.ts'
import { createArtifactStore } from './artifacts.ts'
import { createBuilderRegistry } from './builders.ts'
import { createAttachmentStore } from './attachments.ts'
import { createChatStore } from './chat-inbox.ts'
import { createChatUsers } from './chat-users.ts'
import { createConversationStore } from './conversations.ts'
import { createFollowerStore } from './followers.ts'
import { createKeyStore } from './keys.ts'
import { createOffices } from './leadership.ts'
import { migrate } from './migrate.ts'
import { createNotifications } from './notifications.ts'
import { createOutbox } from './outbox.ts'
import { PreparingClient } from './preparing-client.ts'
import { createTaskStore } from './tasks.ts'

/**
 * Opens the store and brings its schema up to date.
 *
 * @example
 * const store = await openStore({ url: 'postgres://gateway@127.0.0.1:5432/gateway', connections: 10 })
 */
export async function openStore(options: { readonly url: string; readonly connections: number }): Promise<Store> {
  const pool = new pg.Pool({
    Client: PreparingClient,
    connectionString: options.url,
    max: options.connections,
    application_name: 'openclaw-gateway',
    // Statements are written one behind the other without waiting: a transaction takes two or three round trips.
    pipeline: true,
    // To open a connection costs both sides as much as some thirty statements; tasks come in bursts.
    idleTimeoutMillis: 60_000,
    // Nobody waits for ever for a connection: a request is refused as `unavailable`, an activity is tried again.
    connectionTimeoutMillis: 10_000,
    // A statement that takes a minute is a fault; it must not hold a row lock for ever.
    statement_timeout: 60_000,
    idle_in_transaction_session_timeout: 60_000,
  })
  // A connection that breaks is replaced by the pool, and whoever waits for its answer is told; without listeners it
  // would end the process, idle or in the middle of a transaction.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  await migrate(pool)
  const notifications = createNotifications(options.url)
  const offices = createOffices(options.url)
  return {
    tasks: createTaskStore(pool, notifications),
    conversations: createConversationStore(pool),
    artifacts: createArtifactStore(pool),
    keys: createKeyStore(pool),
    builders: createBuilderRegistry(pool),
    attachments: createAttachmentStore(pool),
    chats: createChatStore(pool),
    chatUsers: createChatUsers(pool),
    outbox: createOutbox(pool, notifications),
    followers: createFollowerStore(pool, notifications),
    tryToLead: (office) => offices.tryToLead(office),
    async ping() {
      await pool.query('select 1')
    },
    async close() {
      offices.close()
      await notifications.close()
      await pool.end()
    },
  }
}
