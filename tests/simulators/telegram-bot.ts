import { afterEach } from 'vitest'
import { startTelegramSimulator, type TelegramSimulator } from '../../simulators/telegram/server.ts'
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()))
})

/** A simulator that ends with the test. */
export async function startTelegram(
  options: Parameters<typeof startTelegramSimulator>[0] = {},
): Promise<TelegramSimulator> {
  const simulator = await startTelegramSimulator(options)
  open.push(simulator)
  return simulator
}

/** A webhook that ends with the test. */
export async function receive(...how: Parameters<typeof startReceiver>): Promise<WebhookReceiver> {
  const receiver = await startReceiver(...how)
  open.push(receiver)
  return receiver
}

/** What the API answered. */
export interface BotAnswer<Result = unknown> {
  readonly http: number
  readonly ok: boolean
  readonly result: Result
  readonly description?: string
  readonly parameters?: Record<string, number>
}

/** Calls a method with JSON. */
export async function bot<Result = unknown>(
  { url, token }: Pick<TelegramSimulator, 'url' | 'token'>,
  method: string,
  parameters: object = {},
): Promise<BotAnswer<Result>> {
  const response = await fetch(`${url}/bot${token}/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(parameters),
  })
  return { http: response.status, ...((await response.json()) as Omit<BotAnswer<Result>, 'http'>) }
}

/** An update as far as tests look at it. */
export interface TestUpdate {
  readonly update_id: number
  readonly message?: {
    readonly message_id: number
    readonly text?: string
    readonly caption?: string
    readonly chat: { readonly id: number }
    readonly entities?: readonly object[]
    readonly document?: { readonly file_id: string }
    readonly message_thread_id?: number
    readonly reply_to_message?: { readonly message_id: number }
    readonly migrate_to_chat_id?: number
    readonly migrate_from_chat_id?: number
  }
  readonly edited_message?: { readonly text: string }
  readonly callback_query?: { readonly id: string; readonly data: string; readonly message: object }
  readonly my_chat_member?: { readonly new_chat_member: { readonly status: string } }
  readonly message_reaction?: { readonly new_reaction: readonly object[] }
}

/** All updates that wait, which confirms none. */
export const updates = async (simulator: TelegramSimulator, parameters: object = {}): Promise<TestUpdate[]> =>
  (await bot<TestUpdate[]>(simulator, 'getUpdates', parameters)).result
