import { afterEach, beforeEach, expect, it } from 'vitest'
import { openStore } from '../../adapters/postgres/store.ts'
import { createTelegramChannel } from '../../adapters/telegram/telegram-channel.ts'
import { viewOf } from '../../api/task-view.ts'
import type { TaskEventType } from '../../domain/events.ts'
import type { Store } from '../../domain/ports/store.ts'
import { isFinal, type TaskState, type Waiting } from '../../domain/task.ts'
import { startTelegramSimulator, type TelegramSimulator } from '../../simulators/telegram/server.ts'
import { reportToFollowers } from '../../workers/chat/reporter.ts'
import { chatMessage, received } from '../support/chat/messages.ts'
import { startSender, type RunningSender } from '../support/chat/sending.ts'
import { freshDatabase } from '../support/database.ts'
import { acceptance } from '../support/stored-task.ts'

/** A message may be changed once a second. */
const WITHIN = { timeout: 20_000, interval: 50 }
let store: Store
let telegram: TelegramSimulator
let sender: RunningSender
let stopping: AbortController
let reporting: Promise<void>
let taskId: string
beforeEach(async () => {
  store = await openStore({ url: await freshDatabase(), connections: 6 })
  telegram = await startTelegramSimulator()
  telegram.user(1001).says('fix it')
  const channel = createTelegramChannel({ token: telegram.token, apiUrl: telegram.url })
  sender = startSender(store, [channel])
  stopping = new AbortController()
  const linkOf = (id: string) => `https://gw.example/tasks/${id}`
  reporting = reportToFollowers(
    {
      ...{ store, linkOf, channels: new Map([['telegram', channel]]), clock: () => new Date() },
      viewOf: (task) => viewOf(task, { publicUrl: () => 'https://gw.example', namespace: 'default' }),
      onFailure: () => undefined,
    },
    stopping.signal,
  )
  const conversation = await received(store, chatMessage())
  const request = { prompt: 'fix it', title: 'Fix the login', constraints: { budgetUsd: 0.5 } }
  taskId = (await store.tasks.accept(acceptance({ channel: 'telegram', conversation }, request))).task.id
  for (const to of ['understanding', 'queued', 'building'] as const)
    await store.tasks.move({ taskId, to, ...(to === 'building' && { change: { builder: BUILDER } }) })
})
afterEach(async () => {
  stopping.abort()
  await Promise.all([reporting, sender.stop()])
  await telegram.close()
  await store.close()
})

const BUILDER = { id: 'b1', seat: 1, attempt: 1 }
const move = (to: TaskState, event: TaskEventType, waiting: Waiting | null = null) =>
  store.tasks.move({ taskId, to, events: [{ type: event }], ...(!isFinal(to) && { change: { waiting } }) })
const shown = (text: string) =>
  telegram.ledger
    .chat(1001)
    .filter((message) => message.from === 'bot' && message.text.includes(text))
    .map((message) => [message.text, message.buttons.flat().map((button) => button.text)] as const)
const question = (text: string) => expect.poll(() => shown(text), WITHIN)

it('the buttons of a budget question vanish once the budget is raised, by whichever way', async () => {
  await move('awaiting_budget', 'budget-requested', { for: 'budget' })
  await question('larger budget').toEqual([[expect.any(String), ['Raise to $1.00', 'Cancel']]])
  await store.tasks.note({ taskId, change: { budgetUsd: 5 } })
  await move('building', 'turn-started')
  await question('larger budget').toEqual([[expect.stringMatching(/\nThe budget is \$5\.00 now\.$/), []]])
})

it('the buttons of an approval vanish when its task ends undecided', async () => {
  await move('awaiting_approval', 'approval-requested', { for: 'approval', approvalId: 'approval-1', tool: 'replace' })
  await question('asks to use').toEqual([[expect.any(String), ['Approve', 'Reject']]])
  await move('cancelled', 'task-ended')
  await question('asks to use').toEqual([[expect.stringMatching(/\nIt has ended \(cancelled\)\.$/), []]])
})

it('the buttons of a question stay as long as the task waits with it, and go when it waits with another', async () => {
  await move('awaiting_approval', 'approval-requested', { for: 'approval', approvalId: 'approval-1', tool: 'replace' })
  await question('asks to use').toEqual([[expect.any(String), ['Approve', 'Reject']]])
  await store.tasks.note({ taskId, events: [{ type: 'message-sent' }] })
  await expect.poll(() => store.followers.behind({ targets: ['telegram'], limit: 1 }), WITHIN).toEqual([])
  expect(shown('asks to use')[0]?.[1]).toEqual(['Approve', 'Reject'])
  await move('building', 'turn-started')
  await move('awaiting_budget', 'budget-requested', { for: 'budget' })
  await question('larger budget').toEqual([[expect.any(String), ['Raise to $1.00', 'Cancel']]])
  await question('asks to use').toEqual([[expect.stringMatching(/\nIt waits for this no more\.$/), []]])
})
