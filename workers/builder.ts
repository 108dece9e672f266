import { hostname } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from '@temporalio/worker'
import { withFailures } from '../activities/activity-failure.ts'
import { createSeatActivities } from '../activities/builder/hold-seat.ts'
import { createMergeSubtasks } from '../activities/builder/merge-subtasks.ts'
import { createOpenPullRequest } from '../activities/builder/open-pull-request.ts'
import { createPrepareWorkspace } from '../activities/builder/prepare-workspace.ts'
import { createPublishDelivery } from '../activities/builder/publish-delivery.ts'
import { createRunTool } from '../activities/builder/run-tool.ts'
import { SeatTable } from '../activities/builder/seat-table.ts'
import { createTakeTurn } from '../activities/builder/take-turn.ts'
import { createVerifyDelivery } from '../activities/builder/verify-delivery.ts'
import { Workspaces } from '../activities/builder/workspaces.ts'
import { webPageOf } from '../api/task-view.ts'
import { loadConfig, type Config } from '../adapters/config.ts'
import { createEgress } from '../adapters/egress/open-door.ts'
import { createJudge } from '../adapters/egress/judge.ts'
import { createForge } from '../adapters/forge/rest-forge.ts'
import { createGitHost } from '../adapters/git/git-host.ts'
import { createRepositoryPolicy } from '../adapters/git/repository-policy.ts'
import { readPolicyRules } from '../adapters/policy/policy-file.ts'
import { openStore } from '../adapters/postgres/store.ts'
import { openReceiptSigner } from '../adapters/receipts/receipt-signer.ts'
import { builderQueue, TASK_QUEUES } from '../domain/contracts.ts'
import { drainSignal, seatGrantedSignal } from '../workflows/messages.ts'
import { createBoundaries } from './boundaries.ts'
import type { BuilderMessage, HealthQuestion } from './builder-process.ts'
import { BuilderReport } from './builder-report.ts'
import { HEARTBEATS } from './heartbeats.ts'
import { createLogger, installRuntime, openBoundaryAudit } from './logging.ts'
import { createModel } from './model.ts'
import { paths } from '../adapters/paths.ts'
import { repositoryRules } from './repositories.ts'
import { connectWorker } from '../adapters/temporal/connection.ts'
import { servicesReached } from './services-reached.ts'
import { workflowBundle } from './workflow-bundle.ts'

/** Steps the Manager asks for are polled for; those of a Builder run come with the answer that asks for them. */
const POLLS = 2

/**
 * One Builder process: lends seats on the shared queue and does their steps on its own. It ends when the channel to its
 * supervisor closes, so nothing of a killed gateway lives on.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      id: { type: 'string' },
      restarts: { type: 'string', default: '0' },
      sample: { type: 'string' },
    },
  })
  const id = values.id ?? `${hostname()}-${process.pid}`
  const config = loadConfig()
  const logger = createLogger({ level: config.LOG_LEVEL, name: `builder-${id}` })
  installRuntime(logger)
  endWithParent()

  const store = await openStore({ url: config.DATABASE_URL ?? '', connections: config.BUILDER_SEATS + 2 })
  const target = { address: config.TEMPORAL_ADDRESS ?? '', namespace: config.TEMPORAL_NAMESPACE }
  const { connection, client } = await connectWorker(config, target)
  const directory = join(paths(config).builders, id)
  const rules = await repositoryRules(config)
  const git = createGitHost({ directory: paths(config).repositories, ...rules })
  const forge = createForge(createRepositoryPolicy(rules))
  const seats = new SeatTable()
  const boundaryFor = await createBoundaries({
    mode: config.SANDBOX,
    programs: paths(config).bubblewrap,
    sample: values.sample,
  })
  const audit = openBoundaryAudit({ file: paths(config).audit, logger })
  const egress = createEgress({
    judge: createJudge({ allowed: config.SANDBOX_ALLOWLIST, inner: config.OUTBOUND_ALLOWLIST }),
    decided: (decision) => audit.decided(decision),
  })
  const workspaces = new Workspaces({ directory, store, git, boundaryFor, egress })
  const queue = builderQueue(id)
  const clock = () => new Date()
  const shared = { store, seats, workspaces, git, clock, audit }
  const held = createSeatActivities({
    seats,
    workspaces,
    builder: id,
    queue,
    announce: async ({ workflowId, runId }, seat) => {
      const manager = client.workflow.getHandle(workflowId, runId)
      await manager.signal(seatGrantedSignal, seat)
      // Its request was taken from the queue in the moment the draining began.
      if (report.draining) await manager.signal(drainSignal, { builder: id })
    },
  })
  const signer = openReceiptSigner(paths(config).receiptKey)
  const steps = {
    releaseSeat: held.releaseSeat,
    ...createPrepareWorkspace(shared),
    ...createMergeSubtasks(shared),
    ...createTakeTurn({ ...shared, model: createModel(config), rules: await readPolicyRules(config.POLICY_FILE) }),
    ...createRunTool(shared),
    ...createVerifyDelivery({ ...shared, sign: (evidence) => signer.sign(evidence) }),
    ...createPublishDelivery({ ...shared, forge }),
    ...createOpenPullRequest({ ...shared, forge, pageOf: (taskId) => pageOf(config, taskId) }),
  }
  const common = { connection, namespace: target.namespace, identity: `builder-${id}`, ...HEARTBEATS }
  // A step and a Builder run for each seat, and room for what ends them.
  const places = config.BUILDER_SEATS * 2
  // Longer than any step may take: a draining builder finishes what runs, then hands over.
  const pool = await Worker.create({
    ...common,
    taskQueue: TASK_QUEUES.builders,
    activities: withFailures({ holdSeat: held.holdSeat }),
    maxConcurrentActivityTaskExecutions: config.BUILDER_SEATS,
    shutdownGraceTime: '1 hour',
  })
  const own = await Worker.create({
    ...common,
    taskQueue: queue,
    workflowBundle: { codePath: await workflowBundle(config.DATA_DIR) },
    maxCachedWorkflows: places,
    activities: withFailures(steps),
    // A waiting poll holds a place, and so does the next one; a step that comes without a poll needs a free one.
    maxConcurrentActivityTaskExecutions: places + POLLS + 1,
    activityTaskPollerBehavior: { type: 'simple-maximum', maximum: POLLS },
    shutdownGraceTime: '10 seconds',
  })

  const report = new BuilderReport({
    store,
    seats,
    id,
    host: hostname(),
    seatCount: config.BUILDER_SEATS,
    restarts: Number(values.restarts),
  })
  process.on('SIGINT', () => undefined)
  const tell = (message: BuilderMessage) => void process.send?.(message, undefined, undefined, () => undefined)
  process.on('message', ({ serviceLimitMs }: HealthQuestion) => {
    const polling = report.draining || [pool, own].every((worker) => worker.getState() === 'RUNNING')
    void servicesReached({ client, store }, serviceLimitMs).then((reached) =>
      tell({ type: 'health', polling, reached }),
    )
  })
  await report.start()
  const [lending, serving] = [pool.run(), own.run()]
  const drain = async () => {
    report.draining = true
    pool.shutdown()
    await Promise.all(
      seats.tasks.map((task) =>
        client.workflow
          .getHandle(task)
          .signal(drainSignal, { builder: id })
          .catch(() => undefined),
      ),
    )
    await lending
    own.shutdown()
  }
  process.once(
    'SIGTERM',
    () => void drain().catch((error: unknown) => logger.error({ reason: String(error) }, 'draining failed')),
  )
  logger.info({ queue }, 'builder ready')
  tell({ type: 'ready' })
  await Promise.all([lending, serving])
  await report.stop()
  await workspaces.discardAll()
  await connection.close()
  await store.close()
}

/** Where people look at a task; nobody else could follow a link to this host. */
const pageOf = ({ PUBLIC_URL: base }: Config, taskId: string): string | undefined =>
  base === undefined ? undefined : webPageOf(taskId, { publicUrl: () => base })

/** Started by a supervisor, it ends with it; started by hand, it has no channel to lose. */
function endWithParent(): void {
  process.on('disconnect', () => process.exit(1))
  // It may have gone while this process was still loading: nobody tells that any more.
  if (process.send && !process.connected) process.exit(1)
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(
      `builder failed to start: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    )
    process.exit(1)
  },
)
