import { afterAll, beforeAll, expect, it } from 'vitest'
import { createSubtaskActivities } from '../../activities/gateway/subtasks.ts'
import type { Understanding } from '../../domain/understanding.ts'
import { chatMessage, received } from '../support/chat/messages.ts'
import { STORES, type OpenedStore } from '../support/stores.ts'
import { taskIn } from '../support/stored-task.ts'

let opened: OpenedStore
beforeAll(async () => {
  opened = (await STORES['PostgreSQL']?.()) as OpenedStore
})
afterAll(() => opened.close())

const UNDERSTANDING: Understanding = {
  ...{ title: 'Two repairs', kind: 'code', summary: 'S', priority: 3, risk: 'low', needsRepository: false },
  subtasks: [
    { title: 'Sum', prompt: 'Repair the sum.' },
    { title: 'Product', prompt: 'Repair the product.' },
  ],
}

/** A stored message with a file of this text; gives its number. */
async function sent(text: string): Promise<number> {
  const { chats, attachments } = opened.store
  const message = (await chats.next(await received(opened.store, chatMessage())))?.number ?? 0
  await chats.markHandled(message)
  const outcome = { name: 'log.txt', mediaType: 'text/plain', bytes: Buffer.from(text) }
  await attachments.settle({ message, outcome })
  return message
}

it('every part of a task sees the files of the request and those that came before it was divided', async () => {
  const { store } = opened
  const { openSubtasks } = createSubtaskActivities({ store })
  const { taskId } = await taskIn(store, 'understanding', { attachments: [await sent('of the request')] })
  await store.tasks.move({ taskId, to: 'awaiting_input', change: { understanding: UNDERSTANDING } })
  const answer = { taskId, from: 'ada', text: 'The parser.', attachment: await sent('of an answer') }
  expect(await store.conversations.receive(answer)).toBe('answer')
  for (const to of ['understanding', 'queued'] as const) await store.tasks.move({ taskId, to })
  await store.conversations.receive({ ...answer, text: 'Like this.', attachment: await sent('of a steer') })

  const parts = await openSubtasks({ taskId })
  expect(parts).toHaveLength(2)
  for (const part of parts) {
    const { attachments = [] } = (await store.tasks.work(part.taskId)).request
    const shown = (await store.attachments.parts(attachments)).map(({ text }) => text)
    const texts = ['of the request', 'of an answer', 'of a steer']
    expect(shown).toEqual(texts.map((text) => `Attached file "log.txt":\n\n${text}`))
  }
  expect((await store.attachments.heldBy(taskId)).files).toBe(3)
})
