import { installQuietRuntime } from '../../../chaos/quiet-runtime.ts'
import { TestWorkflowEnvironment } from '@temporalio/testing'
import { Worker } from '@temporalio/worker'
import { ulid } from 'ulidx'
import { withFailures } from '../../../activities/activity-failure.ts'
import { TASK_QUEUES, type ConversationActivities } from '../../../domain/contracts.ts'
import type { converse } from '../../../workflows/converse.ts'
import { conversationWokenSignal } from '../../../workflows/messages.ts'
import { sharedBundle } from './world.ts'

/** An inbox of numbers, and what was done with each. */
export class FakeInbox implements ConversationActivities {
  readonly waiting: number[] = []
  /** Negative when it was said that it failed. */
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

export interface ConversationWorld {
  readonly env: TestWorkflowEnvironment
  readonly inbox: FakeInbox
  readonly conversation: string
  wake(): ReturnType<typeof signalWithStart>
  close(): Promise<void>
}

/** One conversation on a time-skipping server of its own: time does not pass while another one is open. */
export async function openConversationWorld(program: string): Promise<ConversationWorld> {
  installQuietRuntime()
  const env = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: program } },
  })
  const inbox = new FakeInbox()
  const conversation = `conversation-${ulid().toLowerCase()}`
  const { carryOut, ...local } = withFailures({
    readNextMessage: inbox.readNextMessage,
    carryOut: inbox.carryOut,
    giveUp: inbox.giveUp,
  })
  const common = { connection: env.nativeConnection, namespace: 'default', identity: 'gateway' }
  const workers = await Promise.all([
    Worker.create({
      ...common,
      taskQueue: TASK_QUEUES.manager,
      workflowBundle: { codePath: await sharedBundle() },
      activities: local,
    }),
    Worker.create({ ...common, taskQueue: TASK_QUEUES.gateway, activities: { carryOut } }),
  ])
  const running = workers.map((worker) => worker.run())
  return {
    ...{ env, inbox, conversation },
    wake: () => signalWithStart(env, conversation),
    async close() {
      for (const worker of workers) worker.shutdown()
      await Promise.all(running)
      await env.teardown()
    },
  }
}

const signalWithStart = (env: TestWorkflowEnvironment, conversation: string) =>
  env.client.workflow.signalWithStart<typeof converse>('converse', {
    ...{ workflowId: conversation, taskQueue: TASK_QUEUES.manager, args: [{ conversation }] },
    signal: conversationWokenSignal,
  })
