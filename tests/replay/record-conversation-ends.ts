import { setTimeout as delay } from 'node:timers/promises'
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import { GatewayError } from '../../domain/errors.ts'
import { MESSAGES_PER_RUN } from '../../domain/limits.ts'
import { keptHistory } from './history-of.ts'
import { openConversationWorld } from '../support/workflows/conversation-world.ts'

const LOOK_EVERY_MS = 50

/** How many messages a conversation of each name is told, and how much time passes then. */
const ENDS: Readonly<Record<string, { readonly messages: number; readonly passes?: '11 minutes' | '25 hours' }>> = {
  'conversation-given-up': { messages: 2, passes: '11 minutes' },
  'conversation-idle': { messages: 1, passes: '25 hours' },
  'conversation-continued-as-new': { messages: MESSAGES_PER_RUN + 1 },
}

export const CONVERSATION_ENDS = Object.keys(ENDS)

/** Plays one of them; gives the history of its first run. Hours pass in seconds: the server skips time. */
export async function recordConversationEnd(name: string, timeSkippingServer: string): Promise<string> {
  const { messages = 0, passes } = ENDS[name] ?? {}
  const world = await openConversationWorld(timeSkippingServer)
  try {
    const { inbox, env } = world
    // The first one's service is down for longer than a message is tried; the next one has its turn.
    if (name === 'conversation-given-up')
      inbox.failing = (message) =>
        message === 1 ? new GatewayError('unavailable', 'A service is down.', { retryable: true }) : undefined
    inbox.waiting.push(...Array.from({ length: messages }, (_, index) => index + 1))
    const { signaledRunId, workflowId } = await world.wake()
    if (passes !== undefined) await env.sleep(passes)
    while (inbox.handled.length < messages) await delay(LOOK_EVERY_MS)
    const run = env.client.workflow.getHandle(workflowId, signaledRunId)
    return keptHistory(historyToJSON(await run.fetchHistory()))
  } finally {
    await world.close()
  }
}
