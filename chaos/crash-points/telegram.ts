import { anyPort } from '../../adapters/processes/ports.ts'
import { startTelegramSimulator } from '../../simulators/telegram/server.ts'
import { FaultProxy, type Tap } from '../fault-proxy.ts'

const FIRST_PERSON = 1_001

/** Telegram with a person for each key, in a chat of their own. */
export interface Telegram {
  /** The gateway's settings. */
  readonly environment: Readonly<Record<string, string>>
  says(key: string, text: string): void
  /** The gateway's messages to a person, as they are shown now. */
  shown(key: string): readonly string[]
  close(): Promise<void>
}

/** Starts Telegram behind a proxy on which the tap looks on. It delivers again what the gateway did not take. */
export async function startTelegram(keys: readonly string[], tap: Tap): Promise<Telegram> {
  const simulator = await startTelegramSimulator()
  const proxy = await FaultProxy.to(simulator.port)
  proxy.tap = tap
  // Whoever delivers knows the gateway by its address, also after a start.
  const port = await anyPort('127.0.0.1')
  const idOf = (key: string) => FIRST_PERSON + keys.indexOf(key)
  return {
    environment: {
      ...{ PORT: `${port}`, PUBLIC_URL: `http://127.0.0.1:${port}`, CHAT_ACCESS: 'open' },
      ...{ TELEGRAM_BOT_TOKEN: simulator.token, TELEGRAM_WEBHOOK_SECRET: 'crash-points-only-secret' },
      TELEGRAM_API_BASE_URL: `http://127.0.0.1:${proxy.port}`,
    },
    says: (key, text) => void simulator.user(idOf(key)).says(text),
    shown: (key) =>
      simulator.ledger
        .chat(idOf(key))
        .filter(({ from }) => from === 'bot')
        .map(({ text }) => text),
    async close() {
      await proxy.close()
      await simulator.close()
    },
  }
}
