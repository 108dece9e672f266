import { afterEach, describe, expect, it } from 'vitest'
import type { TaskEventType } from '../../domain/events.ts'
import type { Task, TaskState, Waiting } from '../../domain/task.ts'
import type { LiveChat } from '../support/chat/live.ts'
import { telegramPhone, whatsappPhone, type Phone } from '../support/chat/phones.ts'

const WITHIN = { timeout: 30_000, interval: 50 }
const TEMPLATE = { name: 'task_news', language: 'en_US' }
const DAY_MS = 25 * 3_600_000

let phone: Phone | undefined
afterEach(() => phone?.close())

const newest = async ({ store }: LiveChat): Promise<Task | undefined> =>
  (await store.tasks.list({ tenant: 'default', limit: 1 })).items[0]

/** What a task does to its chat, and everything sent of it. */
function courseOf({ store }: LiveChat, taskId: string) {
  const change = { builder: { id: 'b1', seat: 1, attempt: 1 } }
  const targets = ['telegram', 'whatsapp']
  const move = (to: TaskState, event: TaskEventType, waiting: Waiting | null = null) =>
    store.tasks.move({
      ...{ taskId, to, events: [{ type: event, data: { name: 'replace', decision: 'approve', by: 'key:1' } }] },
      change: { waiting, ...(to === 'building' && change) },
    })
  return {
    move,
    /** Until the chat has been told all of it, or waits for its person. */
    async told(state: object = { pending: 0, sending: 0 }) {
      await expect.poll(() => store.followers.behind({ targets, limit: 1 }), WITHIN).toEqual([])
      await expect
        .poll(async () => ({ pending: 0, sending: 0, ...(await store.outbox.counts()) }), WITHIN)
        .toMatchObject(state)
    },
    async asks(number: number) {
      const waiting = { for: 'approval', approvalId: `approval-${number}`, tool: 'replace' } as const
      await move('awaiting_approval', 'approval-requested', waiting)
      await this.told()
      await move('building', 'approval-decided')
      await this.told()
    },
    async ends() {
      await move('verifying', 'turn-started')
      await move('delivering', 'turn-started')
      const result = { summary: `Done.${' A line of the result.'.repeat(600)}`, verdict: 'passed' } as const
      await store.tasks.move({ taskId, to: 'completed', events: [{ type: 'task-ended' }], change: { result } })
    },
  }
}

describe('a task with files nobody reads, a question, three approvals and a long result', () => {
  it.each([
    ['Telegram', telegramPhone, false],
    ['WhatsApp', () => whatsappPhone(), false],
    ['WhatsApp, whose person is asked to write before the end', () => whatsappPhone(TEMPLATE), true],
  ] as const)('makes a phone ring four times at most: %s', async (_, begin, isSilent) => {
    const shown = (phone = await begin())
    const { chat } = shown
    const hints = (name: string) => shown.texts().filter((text) => text.includes(`I cannot read ${name}`))
    shown.sendsZip('first.zip', 'fix the login')
    await expect.poll(() => newest(chat), WITHIN).toMatchObject({ prompt: 'fix the login' })
    const taskId = (await newest(chat))?.id ?? ''
    const course = courseOf(chat, taskId)
    await course.told()
    expect(hints('first.zip')).toHaveLength(1)
    await course.move('understanding', 'turn-started')
    await course.move('queued', 'task-queued')
    await course.move('building', 'turn-started')
    shown.sendsZip('second.zip', 'and the logout')
    await expect.poll(() => chat.store.conversations.unread(taskId), WITHIN).toEqual(['and the logout'])
    for (const number of [1, 2, 3]) await course.asks(number)
    await course.move('awaiting_input', 'input-requested', { for: 'input', question: 'Blue or red?' })
    await course.told()
    await course.move('building', 'turn-started')
    if (isSilent) shown.waits?.(DAY_MS)
    await course.ends()
    if (isSilent) {
      await course.told({ pending: 1 })
      await expect.poll(() => shown.texts().at(-1), WITHIN).toContain('There is news')
      shown.says('/help')
    }
    await course.told()
    const said = shown.texts().filter((text) => !text.includes('/help'))
    expect(said.some((text) => text.includes('Done. A line'))).toBe(true)
    expect([hints('first.zip').length, hints('second.zip').length]).toEqual([1, 1])
    // What /help answers was asked for.
    expect(shown.rings() - (isSilent ? 1 : 0)).toBeLessThanOrEqual(4)
  })
})

it.each([
  ['Telegram', telegramPhone, 0],
  ['WhatsApp', () => whatsappPhone(), 1],
] as const)('an approval still rings after a file that was left out: %s', async (_, begin, hintRings) => {
  const shown = (phone = await begin())
  const { chat } = shown
  shown.says('fix the login')
  await expect.poll(() => newest(chat), WITHIN).toBeDefined()
  const taskId = (await newest(chat))?.id ?? ''
  const course = courseOf(chat, taskId)
  await course.move('understanding', 'turn-started')
  await course.move('queued', 'task-queued')
  await course.move('building', 'turn-started')
  await course.told()
  const before = shown.rings()
  for (const name of ['one', 'two', 'three']) shown.sendsZip(`${name}.zip`, `see ${name}`)
  await expect.poll(() => chat.store.conversations.unread(taskId), WITHIN).toHaveLength(3)
  await course.told()
  expect(shown.rings()).toBe(before + hintRings)
  await course.asks(1)
  expect(shown.rings()).toBe(before + hintRings + 1)
})
