import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { GatewayError } from '../../domain/errors.ts'
import { MESSAGES_PER_RUN } from '../../domain/limits.ts'
import { openConversationWorld, type ConversationWorld } from '../support/workflows/conversation-world.ts'

let world: ConversationWorld
let { env, inbox, wake } = {} as ConversationWorld
beforeEach(async () => {
  world = await openConversationWorld(inject('timeSkippingServer'))
  ;({ env, inbox, wake } = world)
})
afterEach(() => world.close())

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
    const first = await env.client.workflow.getHandle(world.conversation, handle.signaledRunId).describe()
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
