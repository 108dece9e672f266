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
import { SMALL_YOUNG_SPACE } from './young-space.ts'

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
  // For the thread of the workflows, which begins with the first worker.
  setFlagsFromString(SMALL_YOUNG_SPACE)
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
