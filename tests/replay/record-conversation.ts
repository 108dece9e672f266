import { Client, Connection } from '@temporalio/client'
import type { TelegramSimulator } from '../../simulators/telegram/server.ts'
import type { TestGateway } from '../support/gateway.ts'
import { historyOf } from './history-of.ts'

const LOOK_EVERY_MS = 100
const PATIENCE_MS = 30_000

/** Says something of every meaning in one chat; gives the conversation's history, which stays open. */
export async function recordConversation(gateway: TestGateway, telegram: TelegramSimulator): Promise<string> {
  const ada = telegram.user(1001)
  const seen = () => telegram.ledger.chat(1001).filter(({ from }) => from === 'bot')
  /** Waits for a message that holds the text. */
  const shown = async (text: string) => {
    for (
      const until = Date.now() + PATIENCE_MS;
      Date.now() < until;
      await new Promise((go) => setTimeout(go, LOOK_EVERY_MS))
    ) {
      const found = seen().findLast((message) => message.text.includes(text))
      if (found) return found
    }
    throw new Error(`nobody said ${text}: ${JSON.stringify(seen().map((message) => message.text))}`)
  }
  const press = async (text: string, title: string) => {
    const { id, buttons } = await shown(text)
    ada.presses(id, buttons.flat().find((button) => button.text.startsWith(title))?.callback_data ?? '')
  }

  ada.says('let me in')
  await shown('I do not know you yet')
  const { code } = await gateway.client.json<{ code: string }>('POST', '/v1/links')
  ada.says(`/link ${code}`)
  await shown('You are linked')
  ada.says('/nonsense')
  await shown('I do not know this command')
  ada.says('asked-and-answered first')
  await shown('Which colour?')
  ada.says('/new clarified-first second')
  await shown('Which module?')
  ada.says('Green.')
  await press('For which one is this?', 'asked-and-answered')
  await shown('It is done.')
  ada.says('/new asked-and-answered third')
  await shown('❓ asked-and-answered')
  ada.says('/cancel')
  await press('is /cancel about?', 'clarified-first')
  await shown('It is cancelled.')
  ada.says('Blue.')

  const connection = await Connection.connect({ address: gateway.temporalAddress })
  const { workflow } = new Client({ connection })
  for await (const { workflowId } of workflow.list({ query: "WorkflowType = 'converse'" })) {
    await connection.close()
    return historyOf(gateway, { workflowId })
  }
  throw new Error('Temporal knows no conversation.')
}
