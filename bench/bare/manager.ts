import { createRequire } from 'node:module'
import { Client, WorkflowIdReusePolicy } from '@temporalio/client'
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { answerQuestions } from '../helper-process.ts'
import { BARE_QUEUES, type BarePlan } from './plan.ts'

/** Starts a bare workflow; answers with the time at which Temporal had accepted it. */
export interface StartBareTask {
  readonly workflowId: string
  readonly plan: BarePlan
}

const [address = ''] = process.argv.slice(2)
Runtime.install({ logger: new DefaultLogger('ERROR') })
const connection = await NativeConnection.connect({ address })
// A client on the worker's own connection starts workflows eagerly, as the product's does.
const client = new Client({ connection })
const activities = { nothing: () => Promise.resolve() }
const workflowBundle = await bundleWorkflowCode({
  workflowsPath: createRequire(import.meta.url).resolve('./workflows.ts'),
  logger: new DefaultLogger('ERROR'),
})
const workers = await Promise.all([
  Worker.create({
    connection,
    taskQueue: BARE_QUEUES.manager,
    workflowBundle,
    activities,
    maxCachedWorkflows: 200,
    // As the product's: what it leaves with the server to wait for runs out while it is measured, too.
    stickyQueueScheduleToStartTimeout: '3 seconds',
  }),
  Worker.create({ connection, taskQueue: BARE_QUEUES.gateway, activities }),
])
const working = Promise.all(workers.map((worker) => worker.run()))

answerQuestions(
  async ({ workflowId, plan }: StartBareTask) => {
    await client.workflow.start('bareTask', {
      workflowId,
      taskQueue: BARE_QUEUES.manager,
      args: [plan],
      workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
      requestEagerStart: true,
    })
    return Date.now()
  },
  async () => {
    for (const worker of workers) worker.shutdown()
    await working
  },
)
