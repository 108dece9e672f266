import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import type { Worker } from '@temporalio/worker'
import type { Logger } from 'pino'
import { createApp } from '../api/app.ts'
import { serveApp } from '../api/serve.ts'
import { createSignIn, type SignIn } from '../api/sign-in.ts'
import { createTaskIntake } from '../api/task-intake.ts'
import { viewOf, webPageOf, type Links } from '../api/task-view.ts'
import { CHANNELS, openChannels } from '../adapters/channels.ts'
import { childEnvironment, type Config } from '../adapters/config.ts'
import { openStore } from '../adapters/postgres/store.ts'
import { openReceiptSigner } from '../adapters/receipts/receipt-signer.ts'
import { ensureSearchAttributes } from '../adapters/temporal/search-attributes.ts'
import { GatewayError } from '../domain/errors.ts'
import type { Store } from '../domain/ports/store.ts'
import type { TaskControl, TaskIntake } from '../domain/ports/task-control.ts'
import { seedAdminKey } from './admin-key.ts'
import { BuilderPool } from './builder-pool.ts'
import { createChat, type Chat } from './chat/chat.ts'
import { createLogger, installRuntime } from './logging.ts'
import { createManagerWorkers } from './manager.ts'
import { createModel } from './model.ts'
import { paths } from '../adapters/paths.ts'
import { builderQueueDepth } from './queue-depth.ts'
import { createRepositoryCheck } from './repositories.ts'
import { sweep } from './sweeper.ts'
import { createTaskControl } from './task-control.ts'
import { connectWorker } from '../adapters/temporal/connection.ts'
import { workflowBundle } from './workflow-bundle.ts'

/** Its transactions take milliseconds; a connection more costs the database some five megabytes. */
const DATABASE_CONNECTIONS = 6

/** Draining builders finish the step in progress; a stop as a whole must end within 30 s. */
const DRAIN_LIMIT_MS = 15_000

export interface GatewayOptions {
  /** With `TEMPORAL_ADDRESS` and `DATABASE_URL` filled in. */
  readonly config: Config & { readonly TEMPORAL_ADDRESS: string; readonly DATABASE_URL: string }
  readonly temporalUiUrl?: string | undefined
  /** Settings of the Builders that are not in this process's own environment. */
  readonly environment?: Readonly<Record<string, string>>
  /** URL of the one repository that may be worked on without a sandbox where there is none. */
  readonly sample?: string | undefined
  readonly report: (line: string) => void
}

export interface RunningGateway {
  readonly url: string
  /** A URL that signs a browser in as the first key's owner, once. */
  signInLink(): string
  /** File that holds the first API key; undefined when `ADMIN_API_KEY` seeds it. */
  readonly adminKeyFile: string | undefined
  stop(): Promise<void>
}

/** Starts API, Manager and Builder Pool of one gateway process on services that already run. */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const { config, report } = options
  const logger = createLogger({ level: config.LOG_LEVEL, name: 'gateway' })
  installRuntime(logger)
  const store = await reached('database_unreachable', {
    what: 'The database of DATABASE_URL',
    opening: openStore({ url: config.DATABASE_URL, connections: DATABASE_CONNECTIONS }),
  })
  const adminKeyFile = await seedAdminKey({
    keys: store.keys,
    configured: config.ADMIN_API_KEY,
    file: paths(config).adminKey,
  })
  const target = { address: config.TEMPORAL_ADDRESS, namespace: config.TEMPORAL_NAMESPACE }
  const { connection, client } = await reached('temporal_unreachable', {
    what: `The Temporal server at ${target.address} (TEMPORAL_ADDRESS)`,
    opening: connectWorker(config, target),
  })
  await reached('temporal_unreachable', {
    what: `The namespace ${target.namespace} (TEMPORAL_NAMESPACE) of ${target.address}`,
    opening: ensureSearchAttributes(client, target.namespace),
  })
  const bundle = await workflowBundle(config.DATA_DIR)
  const identity = `gateway@${hostname()}`
  const control = createTaskControl({ client, store })
  const intake = createTaskIntake({
    ...{ store, tasks: control, log: logger, outboundAllowlist: config.OUTBOUND_ALLOWLIST },
    checkRepository: await createRepositoryCheck(config),
  })
  // With port 0 the address is known only once the server listens.
  const address = { listening: `http://${config.HOST}:${config.PORT}` }
  const links: Links = {
    publicUrl: () => config.PUBLIC_URL ?? address.listening,
    temporalUiUrl: options.temporalUiUrl,
    namespace: config.TEMPORAL_NAMESPACE,
  }
  const chat = await createChat({
    config,
    channels: await openChannels(CHANNELS, config),
    store,
    client,
    control,
    intake,
    logger,
    viewOf: (task) => viewOf(task, links),
    linkOf: (taskId) => webPageOf(taskId, links),
  })
  const workers = await createManagerWorkers({
    ...{ connection, client, config, store, model: createModel(config), bundle, identity },
    conversation: chat.activities,
  })
  const working = Promise.all(workers.map((worker) => worker.run()))
  const pool = config.POOL === 'embedded' ? createPool(options, { store, client, logger }) : undefined
  const sweeping = new AbortController()
  const swept = sweep({ store, client, start: control.start, logger }, sweeping.signal)
  const signIn = createSignIn({ clock: () => new Date() })
  const api = await serveApi(options, { store, client, logger, workers, signIn, control, intake, links, chat })
  address.listening = api.url
  const chatting = chat.run(sweeping.signal)
  const builders = await pool?.start()
  if (builders !== undefined)
    report(builders > 0 ? `${builders} builders ready` : 'another gateway supervises the builders of this database')
  return {
    url: api.url,
    signInLink: () => `${config.PUBLIC_URL ?? api.url}/sign-in/${signIn.issueCode()}`,
    adminKeyFile,
    async stop() {
      await api.close()
      sweeping.abort()
      await pool?.stop(DRAIN_LIMIT_MS)
      for (const worker of workers) worker.shutdown()
      await Promise.all([working, swept, chatting])
      await connection.close()
      await store.close()
    },
  }
}

/** Says of a service somebody else runs what it is and what to check, in place of a library's own words. */
async function reached<T>(
  code: 'database_unreachable' | 'temporal_unreachable',
  service: { readonly what: string; readonly opening: Promise<T> },
): Promise<T> {
  return service.opening.catch((error: unknown) => {
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error)
    const message = `${service.what} cannot be used: ${why}. Check that it runs, its address and its credentials; then start again.`
    throw new GatewayError(code, message, { retryable: true, cause: error })
  })
}

interface Parts {
  readonly store: Store
  readonly client: Client
  readonly logger: Logger
}

function createPool(
  { config, sample, environment: overrides }: GatewayOptions,
  { store, client, logger }: Parts,
): BuilderPool {
  const environment = childEnvironment({
    DATABASE_URL: config.DATABASE_URL,
    TEMPORAL_ADDRESS: config.TEMPORAL_ADDRESS,
    DATA_DIR: config.DATA_DIR,
    ...overrides,
  })
  return new BuilderPool({
    bounds: {
      min: config.BUILDERS_MIN,
      max: config.BUILDERS_MAX,
      seats: config.BUILDER_SEATS,
      idleTimeoutMs: config.BUILDER_IDLE_TIMEOUT,
    },
    healthIntervalMs: config.BUILDER_HEALTH_INTERVAL,
    waiting: async () => (await builderQueueDepth({ client, namespace: config.TEMPORAL_NAMESPACE, store })).queueDepth,
    directory: paths(config).builders,
    environment,
    sample,
    store,
    client,
    logger,
  })
}

async function serveApi(
  options: GatewayOptions,
  parts: Parts & {
    readonly workers: readonly Worker[]
    readonly signIn: SignIn
    readonly control: TaskControl
    readonly intake: TaskIntake
    readonly links: Links
    readonly chat: Chat
  },
) {
  const { config } = options
  const { store, client, logger, workers, signIn, intake } = parts
  const signer = openReceiptSigner(paths(config).receiptKey)
  const closing = new AbortController()
  const app = createApp({
    ...parts.links,
    store,
    tasks: parts.control,
    intake,
    webhooks: parts.chat.webhooks,
    ready: () => readiness({ store, client, workers }),
    pool: async () => ({
      ...(await builderQueueDepth({ client, namespace: config.TEMPORAL_NAMESPACE, store })),
      min: config.BUILDERS_MIN,
      max: config.BUILDERS_MAX,
    }),
    receiptKeys: () => [{ keyId: signer.keyId, publicKey: signer.publicKey }],
    clock: () => new Date(),
    log: logger,
    closing: closing.signal,
    signIn,
  })
  return serveApp(app, { host: config.HOST, port: config.PORT, closing })
}

async function readiness({
  store,
  client,
  workers,
}: Pick<Parts, 'store' | 'client'> & { readonly workers: readonly Worker[] }) {
  const within = (check: Promise<unknown>) =>
    Promise.race([check, delay(2_000).then(() => Promise.reject(new Error('late')))])
  const checks: Readonly<Record<string, Promise<unknown>>> = {
    postgres: within(store.ping()),
    temporal: within(client.workflowService.getSystemInfo({})),
    manager: workers.every((worker) => worker.getState() === 'RUNNING')
      ? Promise.resolve()
      : Promise.reject(new Error('stopped')),
  }
  const names = Object.keys(checks)
  const results = await Promise.allSettled(Object.values(checks))
  const failing = names.filter((_, index) => results[index]?.status === 'rejected')
  return { ok: failing.length === 0, failing }
}
