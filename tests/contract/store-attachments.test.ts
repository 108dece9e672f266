import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Store } from '../../domain/ports/store.ts'
import { chatMessage, received } from '../support/chat/messages.ts'
import { STORES, type OpenedStore } from '../support/stores.ts'
import { answeredTurn, call, partOf, taskIn } from '../support/stored-task.ts'

const PNG = Buffer.from('89504e470d0a1a0a', 'hex')
const image = { name: 'a.png', mediaType: 'image/png', bytes: PNG }
const text = { name: 'notes.txt', mediaType: 'text/plain', bytes: Buffer.from('größer 🚀') }
const IMAGE_PARTS = [
  { text: 'Attached file "a.png":' },
  { inlineData: { mimeType: 'image/png', data: PNG.toString('base64') } },
]
const TEXT_PARTS = [{ text: 'Attached file "notes.txt":\n\ngrößer 🚀' }]

describe.each(Object.entries(STORES))('attachments in %s', (_, open) => {
  let opened: OpenedStore
  let store: Store
  beforeEach(async () => {
    opened = await open()
    store = opened.store
  })
  afterEach(() => opened.close())

  /** A stored message with this file; gives its number. */
  async function sent(file: typeof image): Promise<number> {
    const conversation = await received(store, chatMessage())
    const number = (await store.chats.next(conversation))?.number ?? 0
    await store.chats.markHandled(number)
    await store.attachments.settle({ message: number, outcome: file })
    return number
  }
  const beginTurn = async (fence: { taskId: string; seat: number }, turn: number) => {
    const start = await store.conversations.beginTurn({ ...fence, turn })
    return start.type === 'ready' ? start.contents : []
  }

  it('keep the first outcome of a message, whatever comes later and from whom', async () => {
    const message = await sent(image)
    expect(await opened.other.attachments.settle({ message, outcome: { reason: 'unobtainable' } })).toEqual({
      type: 'kept',
    })
    expect(await store.attachments.outcome(message)).toEqual({ type: 'kept' })
    expect(await store.attachments.outcome(message + 1)).toBeUndefined()
  })

  it('remember why a file was left out, and show nothing of it', async () => {
    const conversation = await received(store, chatMessage())
    const message = (await store.chats.next(conversation))?.number ?? 0
    const outcome = await store.attachments.settle({ message, outcome: { reason: 'too-large' } })
    expect(outcome).toEqual({ type: 'left-out', reason: 'too-large' })
    expect(await store.attachments.parts([message])).toEqual([])
  })

  it('are shown in the order in which they were sent, text as text, all else as base64', async () => {
    const [first, second] = [await sent(text), await sent(image)]
    expect(await store.attachments.parts([second, first])).toEqual([...TEXT_PARTS, ...IMAGE_PARTS])
  })

  it('of the request and of text that no turn has taken are unread', async () => {
    const [requested, said] = [await sent(image), await sent(text)]
    const fence = await taskIn(store, 'building', { attachments: [requested] })
    const { taskId } = fence
    await store.conversations.receive({ taskId, text: 'and this', from: 'ada', attachment: said })
    expect(await store.attachments.unread(taskId)).toEqual([requested, said])
    await beginTurn(fence, 1)
    expect(await store.attachments.unread(taskId)).toEqual([requested])
  })

  it('count for their task, those of its messages and of its sub-tasks too', async () => {
    const { taskId } = await taskIn(store, 'understanding', { attachments: [await sent(image)] })
    const understanding = { title: 'T', kind: 'code', summary: 'S', priority: 3, risk: 'low' } as const
    const subtask = { request: { prompt: 'a part' }, understanding: { ...understanding, needsRepository: false } }
    await store.tasks.divide({ taskId, subtasks: [{ ...subtask, id: `${taskId}-1` }] })
    await store.conversations.receive({ taskId: `${taskId}-1`, text: 'x', from: 'ada', attachment: await sent(text) })
    await store.conversations.receive({ taskId, text: 'x', from: 'ada', attachment: await sent(text) })
    const bytes = PNG.length + 2 * text.bytes.length
    expect(await store.attachments.heldBy(taskId)).toEqual({ files: 3, bytes })
    expect(await store.attachments.heldBy('task-unknown')).toEqual({ files: 0, bytes: 0 })
  })

  it('of a steer stand right after its text, in every later request the same', async () => {
    const fence = await taskIn(store, 'building')
    await store.conversations.receive({
      ...{ taskId: fence.taskId, text: 'like this', from: 'ada' },
      attachment: await sent(image),
    })
    const said = { role: 'user', parts: [{ text: 'like this' }, ...IMAGE_PARTS] }
    expect(await beginTurn(fence, 1)).toEqual([said])
    await answeredTurn(store, { ...fence, turn: 1 })
    expect((await beginTurn(fence, 2))[0]).toEqual(said)
  })

  it('of an answer stand right after the response that holds the words', async () => {
    const fence = await taskIn(store, 'building')
    const question = call(0, { name: 'ask_user', args: { question: 'Which?' } })
    await answeredTurn(store, { ...fence, turn: 1 }, [question])
    await store.conversations.beginTool({ ...fence, turn: 1, position: 0 })
    await store.tasks.move({ taskId: fence.taskId, to: 'awaiting_input' })
    const kind = await store.conversations.receive({
      ...{ taskId: fence.taskId, text: 'this one', from: 'ada' },
      attachment: await sent(image),
    })
    expect(kind).toBe('answer')
    await store.tasks.move({ taskId: fence.taskId, to: 'building' })
    expect(await store.conversations.nextTurn(fence.taskId)).toBe(2)
    const response = { id: 'c0', name: 'ask_user', response: { output: 'this one' } }
    expect(await beginTurn(fence, 2)).toEqual([
      { role: 'model', parts: [partOf(question)] },
      { role: 'user', parts: [{ functionResponse: response }] },
      { role: 'user', parts: [{ text: 'This file came with the answer.' }, ...IMAGE_PARTS] },
    ])
  })

  it('do not count for the length of a conversation', async () => {
    const fence = await taskIn(store, 'building')
    const large = { ...image, bytes: Buffer.concat([PNG, Buffer.alloc(2 * 1024 * 1024)]) }
    await store.conversations.receive({
      ...{ taskId: fence.taskId, text: 'like this', from: 'ada' },
      attachment: await sent(large),
    })
    await answeredTurn(store, { ...fence, turn: 1 })
    expect(JSON.stringify(await beginTurn(fence, 2))).not.toContain('state_snapshot')
  })

  it('that nobody sent are nothing to a message', async () => {
    const fence = await taskIn(store, 'building')
    await store.conversations.receive({ taskId: fence.taskId, text: 'look', from: 'ada', attachment: 999_999 })
    expect(await beginTurn(fence, 1)).toEqual([{ role: 'user', parts: [{ text: 'look' }] }])
  })
})
