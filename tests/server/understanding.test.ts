import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createUnderstandTask } from '../../activities/gateway/understand.ts'
import type { UnderstandingOutcome } from '../../domain/contracts.ts'
import { noMemory } from '../../domain/ports/memory.ts'
import type { TaskRequest } from '../../domain/task.ts'
import { quietEnvironment } from '../support/builder.ts'
import { chatMessage, received as fromChat } from '../support/chat/messages.ts'
import { STORES, type OpenedStore } from '../support/stores.ts'
import { answer, says, ScriptedModel } from '../support/scripted-model.ts'
import { eventTypes, taskIn } from '../support/stored-task.ts'

let opened: OpenedStore
beforeAll(async () => {
  opened = (await STORES['PostgreSQL']?.()) as OpenedStore
})
afterAll(() => opened.close())
let model: ScriptedModel
beforeEach(() => void (model = new ScriptedModel()))

const understands = (fields: object = {}) =>
  says(
    JSON.stringify({
      title: 'T',
      kind: 'code',
      summary: 'S',
      priority: 2,
      risk: 'low',
      needsRepository: false,
      ...fields,
    }),
  )
const asks = understands({ clarifyingQuestion: 'Which one?' })
const understand = (taskId: string, round: number, environment = quietEnvironment()) => {
  const { understandTask } = createUnderstandTask({
    ...{ store: opened.store, model, memory: noMemory, clock: () => new Date('2026-11-25T12:00:00Z') },
    models: { main: 'gemini-3.1-pro-preview', fast: 'gemini-3.8-flash' },
  })
  type Round = Parameters<typeof understandTask>
  return environment.run<Round, UnderstandingOutcome, typeof understandTask>(understandTask, { taskId, round })
}
const received = async (request: Partial<TaskRequest> = {}) =>
  (await taskIn(opened.store, 'understanding', request)).taskId
const callsOf = async (taskId: string) => (await opened.store.tasks.find(taskId))?.cost.modelCalls
const timesUnderstood = async (taskId: string) =>
  (await eventTypes(opened.store, taskId)).filter((type) => type === 'task-understood').length

describe('a round of understanding', () => {
  it('shows the model the files of the request and of what was added, in its question and in its answer', async () => {
    const sent = async (text: string) => {
      const conversation = await fromChat(opened.store, chatMessage())
      const message = (await opened.store.chats.next(conversation))?.number ?? 0
      await opened.store.chats.markHandled(message)
      const outcome = { name: 'a.txt', mediaType: 'text/plain', bytes: Buffer.from(text) }
      await opened.store.attachments.settle({ message, outcome })
      return message
    }
    const taskId = await received({ kind: 'question', attachments: [await sent('first')] })
    await opened.store.conversations.receive({ taskId, text: 'and', from: 'ada', attachment: await sent('second') })
    model.will(understands(), says('Both say so.'))
    await understand(taskId, 1)
    const shown = model.requests.map(({ contents }) => contents[0]?.parts.map(({ text }) => text))
    const parts = [
      'Fix the parser',
      'Added: and',
      'Attached file "a.txt":\n\nfirst',
      'Attached file "a.txt":\n\nsecond',
    ]
    expect(shown).toEqual([parts, parts])
  })

  it.each([
    ['understood', understands()],
    ['unclear', asks],
    ['answered', understands({ kind: 'question', answer: '42' })],
  ] as const)('that came out as %s gives the same when it is repeated, and is paid once', async (type, said) => {
    const taskId = await received()
    model.will(said)
    const first = await understand(taskId, 1)
    expect(first.type).toBe(type)
    expect(await understand(taskId, 1)).toEqual(first)
    expect(model.requests).toHaveLength(1)
    expect([await callsOf(taskId), await timesUnderstood(taskId)]).toEqual([1, 1])
  })

  it('keeps an answer that took a second call', async () => {
    const taskId = await received({ kind: 'question' })
    model.will(understands(), says('Forty-two.'))
    const first = await understand(taskId, 1)
    expect(first).toMatchObject({ type: 'answered', answer: 'Forty-two.' })
    expect(await understand(taskId, 1)).toEqual(first)
    expect(await callsOf(taskId)).toBe(2)
  })

  it('asks for no answer that the budget no longer allows; raised, the answer is all that is paid', async () => {
    const taskId = await received({ kind: 'question', constraints: { budgetUsd: 0.000_001 } })
    model.will(understands(), says('Forty-two.'))
    for (const round of [1, 2]) expect((await understand(taskId, round)).type).toBe('budget-reached')
    expect([model.requests.length, await callsOf(taskId)]).toEqual([1, 1])
    await opened.store.tasks.note({ taskId, change: { budgetUsd: 1 } })
    expect(await understand(taskId, 3)).toMatchObject({ type: 'answered', answer: 'Forty-two.' })
    expect([model.requests.length, await callsOf(taskId), await timesUnderstood(taskId)]).toEqual([2, 2, 1])
  })

  it('that is asked twice at once is noted once, and both give what stands', async () => {
    const taskId = await received()
    const waiting: (() => void)[] = []
    const together = (title: string) => async () => {
      await new Promise<void>((resolve) => {
        waiting.push(resolve)
        if (waiting.length === 2) for (const wake of waiting) wake()
      })
      return understands({ title })
    }
    model.will(together('One'), together('Other'))
    const [one, other] = await Promise.all([understand(taskId, 1), understand(taskId, 1)])
    // What it has cost by then may differ: the other's call may come later.
    const free = ({ brief, ...outcome }: UnderstandingOutcome) => ({ ...outcome, brief: { ...brief, costUsd: 0 } })
    expect(free(one)).toEqual(free(other))
    expect([await callsOf(taskId), await timesUnderstood(taskId)]).toEqual([2, 1])
  })

  it('beats while the model thinks, so that a gateway that dies meanwhile is noticed', async () => {
    const taskId = await received()
    const environment = quietEnvironment()
    let beats = 0
    environment.on('heartbeat', () => beats++)
    model.will(async () => {
      await vi.waitFor(() => expect(beats).toBeGreaterThan(1), { timeout: 5_000 })
      return understands()
    })
    expect((await understand(taskId, 1, environment)).type).toBe('understood')
  })

  it('after an answer asks the model anew', async () => {
    const taskId = await received()
    model.will(asks, understands())
    await understand(taskId, 1)
    expect((await understand(taskId, 2)).type).toBe('understood')
    expect(await timesUnderstood(taskId)).toBe(2)
  })

  it('that failed is asked again and paid again', async () => {
    const taskId = await received()
    model.will(answer([{ text: 'no JSON' }]), understands())
    await expect(understand(taskId, 1)).rejects.toMatchObject({ code: 'model_malformed', retryable: true })
    expect((await understand(taskId, 1)).type).toBe('understood')
    expect([await callsOf(taskId), await timesUnderstood(taskId)]).toEqual([2, 1])
  })
})
