import { Context } from '@temporalio/activity'
import { Client } from '@temporalio/client'
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { answerQuestions } from '../helper-process.ts'
import { bareSeatSignal } from './messages.ts'
import { BARE_QUEUES } from './plan.ts'

/** As often as the product's seats beat. */
const BEAT_MS = 1_000
const HEARTBEATS = { maxHeartbeatThrottleInterval: '1 second', defaultHeartbeatThrottleInterval: '1 second' } as const

const [address = '', seats = '1'] = process.argv.slice(2)
const queue = `bare-builder-${process.pid}`
const held = new Map<string, () => void>()

const nothing = (): Promise<void> => Promise.resolve()

/** Held until it is released, beating like a seat of the product. */
async function holdSeat(): Promise<void> {
  const context = Context.current()
  const { workflowId = '', runId } = context.info.workflowExecution ?? {}
  const beat = setInterval(() => context.heartbeat(), BEAT_MS)
  try {
    const over = new Promise<void>((resolve) => held.set(workflowId, resolve))
    await client.workflow.getHandle(workflowId, runId).signal(bareSeatSignal, { queue })
    await Promise.race([over, context.cancelled])
  } finally {
    clearInterval(beat)
    held.delete(workflowId)
  }
}

async function releaseSeat(): Promise<void> {
  held.get(Context.current().info.workflowExecution?.workflowId ?? '')?.()
  await Promise.resolve()
}

Runtime.install({ logger: new DefaultLogger('ERROR') })
const connection = await NativeConnection.connect({ address })
const client = new Client({ connection })
const common = { connection, ...HEARTBEATS }
const workers = await Promise.all([
  Worker.create({
    ...common,
    taskQueue: BARE_QUEUES.builders,
    activities: { holdSeat },
    maxConcurrentActivityTaskExecutions: Number(seats),
  }),
  Worker.create({
    ...common,
    taskQueue: queue,
    activities: { nothing, releaseSeat },
    maxConcurrentActivityTaskExecutions: 2 * Number(seats),
  }),
])
const working = Promise.all(workers.map((worker) => worker.run()))
answerQuestions(
  () => Promise.resolve(undefined),
  async () => {
    for (const worker of workers) worker.shutdown()
    await working
  },
)
