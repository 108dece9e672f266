import { TestWorkflowEnvironment } from '@temporalio/testing'
import { Worker } from '@temporalio/worker'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { withFailures } from '../../activities/activity-failure.ts'
import { TASK_QUEUES, type ConversationActivities } from '../../domain/contracts.ts'
import { GatewayError } from '../../domain/errors.ts'
import { MESSAGES_PER_RUN } from '../../domain/limits.ts'
import type { converse } from '../../workflows/converse.ts'
import { conversationWokenSignal } from '../../workflows/messages.ts'
import { installQuietRuntime, sharedBundle } from '../support/workflows/world.ts'

let env: TestWorkflowEnvironment
/** An inbox of numbers, and what was done with each. */
class Inbox implements ConversationActivities {
  readonly waiting: number[] = []
  readonly handled: number[] = []
  readonly tries: number[] = []
  failing: (message: number) => Error | undefined = () => undefined
  readonly readNextMessage: ConversationActivities['readNextMessage'] = () => {
    const [message] = this.waiting
    return Promise.resolve(message === undefined ? undefined : { message, meaning: { type: 'new-task', message } })
  }
  readonly carryOut: ConversationActivities['carryOut'] = ({ message }) => {
    this.tries.push(message)
    const failure = this.failing(message)
    if (failure) return Promise.reject(failure)
    this.take(message, message)
    return Promise.resolve()
  }
  readonly giveUp: ConversationActivities['giveUp'] = ({ message }) => {
    this.take(message, -message)
    return Promise.resolve()
  }
  private take(message: number, as: number): void {
    const index = this.waiting.indexOf(message)
    if (index !== -1) this.handled.push(as)
    if (index !== -1) this.waiting.splice(index, 1)
  }
}

let inbox: Inbox
let workers: { worker: Worker; running: Promise<void> }[]
let conversation: string
beforeEach(async () => {
  installQuietRuntime()
  // A server for each: time does not pass while another test's conversation is open.
  const executable = { type: 'existing-path', path: inject('timeSkippingServer') } as const
  env = await TestWorkflowEnvironment.createTimeSkipping({ server: { executable } })
  inbox = new Inbox()
  conversation = `conversation-${Math.random().toString(16).slice(2)}`
  const { carryOut, ...local } = withFailures({
    readNextMessage: inbox.readNextMessage,
    carryOut: inbox.carryOut,
    giveUp: inbox.giveUp,
  })
  const common = { connection: env.nativeConnection, namespace: 'default' }
  const created = await Promise.all([
    Worker.create({
      ...common,
      taskQueue: TASK_QUEUES.manager,
      workflowBundle: { codePath: await sharedBundle() },
      activities: local,
    }),
    Worker.create({ ...common, taskQueue: TASK_QUEUES.gateway, activities: { carryOut } }),
  ])
  workers = created.map((worker) => ({ worker, running: worker.run() }))
})
afterEach(async () => {
  for (const { worker } of workers) worker.shutdown()
  await Promise.all(workers.map(({ running }) => running))
  await env.teardown()
})

const wake = () =>
  env.client.workflow.signalWithStart<typeof converse>('converse', {
    ...{
      workflowId: conversation,
      taskQueue: TASK_QUEUES.manager,
      args: [{ conversation }],
      signal: conversationWokenSignal,
    },
  })
const expectHandled = () => expect.poll(() => inbox.handled, { timeout: 30_000 })

describe('a conversation', () => {
  it('takes what the inbox holds in its order, however often it is woken', async () => {
    inbox.waiting.push(1, 2, 3)
    await wake()
    // Not all three at once: the time-skipping server refuses a start while another one begins.
    await Promise.all([wake(), wake()])
    await expectHandled().toEqual([1, 2, 3])
    inbox.waiting.push(4)
    await wake()
    await expectHandled().toEqual([1, 2, 3, 4])
    expect(inbox.tries).toEqual([1, 2, 3, 4])
  })

  it('tries again what failed for now, and keeps the order meanwhile', async () => {
    inbox.failing = (message) => (message === 1 && inbox.tries.length < 3 ? new Error('away') : undefined)
    inbox.waiting.push(1, 2)
    await wake()
    await expectHandled().toEqual([1, 2])
    expect(inbox.tries).toEqual([1, 1, 1, 2])
  })

  it('says of a message that cannot be handled that it failed, and goes on', async () => {
    inbox.failing = (message) => (message === 1 ? new GatewayError('internal', 'broken') : undefined)
    inbox.waiting.push(1, 2)
    await wake()
    await expectHandled().toEqual([-1, 2])
  })

  it('ends after a day in which nobody said anything, and begins again with the next word', async () => {
    inbox.waiting.push(1)
    const handle = await wake()
    await expectHandled().toEqual([1])
    await env.sleep('23 hours')
    expect((await handle.describe()).status.name).toBe('RUNNING')
    await env.sleep('2 hours')
    await expect.poll(async () => (await handle.describe()).status.name, { timeout: 20_000 }).toBe('COMPLETED')
    inbox.waiting.push(2)
    await wake()
    await expectHandled().toEqual([1, 2])
  })

  it(`goes on as new after ${MESSAGES_PER_RUN} messages, and loses none`, async () => {
    const numbers = Array.from({ length: MESSAGES_PER_RUN + 20 }, (_, index) => index + 1)
    inbox.waiting.push(...numbers)
    const handle = await wake()
    await expect.poll(() => inbox.handled.length, { timeout: 55_000, interval: 200 }).toBe(numbers.length)
    expect(inbox.handled).toEqual(numbers)
    const first = await env.client.workflow.getHandle(conversation, handle.signaledRunId).describe()
    expect(first.status.name).toBe('CONTINUED_AS_NEW')
    expect(first.historyLength).toBeLessThan(10_000)
  })

  it('has histories that tell which step was what', async () => {
    inbox.waiting.push(1)
    const handle = await wake()
    await expectHandled().toEqual([1])
    const { events } = await handle.fetchHistory()
    const summaries = (events ?? []).map(({ userMetadata }) =>
      Buffer.from(userMetadata?.summary?.data ?? []).toString(),
    )
    expect(summaries.filter(Boolean)).toContain('"Begin a task"')
  })
})
