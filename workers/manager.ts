import { setFlagsFromString } from 'node:v8'
import type { Client } from '@temporalio/client'
import { Worker, type NativeConnection } from '@temporalio/worker'
import { withFailures } from '../activities/activity-failure.ts'
import { createLifecycleActivities } from '../activities/gateway/lifecycle.ts'
import { createUnderstandTask } from '../activities/gateway/understand.ts'
import type { Config } from '../adapters/config.ts'
import { TASK_QUEUES, type ConversationActivities } from '../domain/contracts.ts'
import { noMemory } from '../domain/ports/memory.ts'
import type { ModelClient } from '../domain/ports/model.ts'
import type { Store } from '../domain/ports/store.ts'
import { noWarehouse } from '../domain/ports/warehouse.ts'
import { chain } from '../domain/routing/chain.ts'
import { byKind, cost } from '../domain/routing/strategies.ts'
import { createBuilderRuns } from './builder-runs.ts'
import { HEARTBEATS } from './heartbeats.ts'

/** About half a gigabyte of replayed state at most; the rest is replayed when it is needed again. */
const CACHED_WORKFLOWS = 200

/** A Manager that died is replaced within this time instead of Temporal's ten seconds. */
export const STICKY_TIMEOUT = '3 seconds'

export interface ManagerOptions {
  readonly connection: NativeConnection
  readonly client: Client
  readonly config: Config
  readonly store: Store
  readonly model: ModelClient
  readonly conversation: ConversationActivities
  /** Path of the bundled workflow code. */
  readonly bundle: string
  readonly identity: string
}

/**
 * V8 reads it when a thread begins, so it counts for the thread of the workflows: what a step leaves there is garbage in
 * milliseconds, and V8 would keep up to 48 MB for it. As in a Builder, which is started with it.
 */
const THREAD_FLAGS = '--max-semi-space-size=2'

/** The workers of a Manager process: workflows with their short steps, and what may take its time. */
export async function createManagerWorkers(options: ManagerOptions): Promise<readonly Worker[]> {
  const { connection, config, store, model } = options
  const models = { main: config.GEMINI_MODEL, fast: config.GEMINI_FAST_MODEL ?? config.GEMINI_MODEL }
  const clock = () => new Date()
  const router = chain([cost], byKind)
  const shared = { store, memory: noMemory, models, clock }
  const lifecycle = withFailures(
    createLifecycleActivities({ ...shared, runs: createBuilderRuns(options.client), warehouse: noWarehouse, router }),
  )
  const understanding = withFailures(createUnderstandTask({ ...shared, model }))
  const { carryOut, ...inbox } = withFailures(options.conversation)
  const common = { connection, namespace: config.TEMPORAL_NAMESPACE, identity: options.identity }
  setFlagsFromString(THREAD_FLAGS)
  return Promise.all([
    Worker.create({
      ...common,
      taskQueue: TASK_QUEUES.manager,
      workflowBundle: { codePath: options.bundle },
      activities: { ...lifecycle, ...inbox },
      maxCachedWorkflows: CACHED_WORKFLOWS,
      stickyQueueScheduleToStartTimeout: STICKY_TIMEOUT,
      shutdownGraceTime: '5 seconds',
    }),
    Worker.create({
      ...common,
      taskQueue: TASK_QUEUES.gateway,
      activities: { ...understanding, carryOut },
      ...HEARTBEATS,
      shutdownGraceTime: '5 seconds',
    }),
  ])
}
