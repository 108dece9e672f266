import { condition, continueAsNew, proxyActivities, setHandler, sleep } from '@temporalio/workflow'
import type { Meaning } from '../domain/chat/meaning.ts'
import { TASK_QUEUES, type ConversationActivities, type ReadMessage } from '../domain/contracts.ts'
import { MESSAGES_PER_RUN } from '../domain/limits.ts'
import { conversationWokenSignal, type ConverseInput } from './messages.ts'

/** Nobody remembers after a day that a conversation was open; the next message starts it again. */
const IDLE_LIMIT = '24 hours'

const inbox = proxyActivities<Pick<ConversationActivities, 'readNextMessage' | 'giveUp'>>({
  // A short transaction; ten seconds without an answer mean the connection is gone.
  startToCloseTimeout: '10 seconds',
  // Longer than any planned database maintenance; then the conversation fails, and the next message begins it again.
  scheduleToCloseTimeout: '1 hour',
  retry: { initialInterval: '100 milliseconds', backoffCoefficient: 2, maximumInterval: '5 seconds' },
})

const { carryOut } = proxyActivities<Pick<ConversationActivities, 'carryOut'>>({
  taskQueue: TASK_QUEUES.gateway,
  // A gateway that died meanwhile is followed by another in seconds.
  heartbeatTimeout: '5 seconds',
  // A Manager that is asked something answers within ten seconds or not at all.
  startToCloseTimeout: '30 seconds',
  // As long as the services behind it may be away; then the person is told, and the next message has its turn.
  scheduleToCloseTimeout: '10 minutes',
  retry: { initialInterval: '200 milliseconds', backoffCoefficient: 2, maximumInterval: '10 seconds' },
})

/**
 * One conversation of a chat. Signals only wake it: the messages stand in the inbox, and it takes them one after another
 * in the provider's order. What a message means is decided once and stands in the history; carrying it out may be
 * repeated.
 */
export async function converse(input: ConverseInput): Promise<void> {
  let woken = false
  setHandler(conversationWokenSignal, () => void (woken = true), { description: 'The inbox holds something new.' })
  for (let handled = 0; handled < MESSAGES_PER_RUN;) {
    woken = false
    const next = await inbox.readNextMessage.executeWithOptions({ summary: 'Read the next message' }, [input])
    if (next && 'waitMs' in next) await sleep(next.waitMs)
    else if (next) {
      await handle(next)
      handled++
    } else if (!(await condition(() => woken, IDLE_LIMIT))) return
  }
  await continueAsNew<typeof converse>(input)
}

async function handle(next: ReadMessage): Promise<void> {
  try {
    await carryOut.executeWithOptions({ summary: summaryOf(next.meaning) }, [next])
  } catch {
    // Its failure stands in the history. One message must not hold up all later ones.
    await inbox.giveUp.executeWithOptions({ summary: 'Say that it failed' }, [{ message: next.message }])
  }
}

/** What the Temporal Web UI says of the step. */
function summaryOf(meaning: Meaning): string {
  switch (meaning.type) {
    case 'new-task':
      return 'Begin a task'
    case 'say':
      return `Tell ${meaning.taskId}`
    case 'ask-which':
    case 'ask-which-task':
      return 'Ask which task is meant'
    case 'command':
      return `/${meaning.command}${meaning.taskId === undefined ? '' : ` ${meaning.taskId}`}`
    case 'answer':
      return `Answer: ${meaning.answer}`
    case 'nothing':
      return 'Leave it alone'
  }
}
