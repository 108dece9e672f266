import { afterEach, beforeEach, expect, it } from 'vitest'
import type { TaskView } from '../../domain/schemas/task.ts'
import { startGeminiSimulator } from '../../simulators/gemini/server.ts'
import {
  CALLBACK_SECRET,
  CERTIFICATE_FILE,
  isSigned,
  startCallbackReceiver,
  type CallbackReceiver,
} from '../support/callback-receiver.ts'
import { dataDirectory, startTestGateway, submit, until, type TestGateway } from '../support/gateway.ts'

const PROMPT = 'How many bits has a byte?'
/** Long enough for a start of everything on a busy machine. */
const WITHIN = { timeout: 90_000, interval: 100 }

const services: (() => unknown)[] = []
let start: () => Promise<TestGateway>
beforeEach(async () => {
  const understanding = { title: 'Bits', kind: 'question', priority: 3, risk: 'low', needsRepository: false }
  const script = { tasks: [{ match: PROMPT, understanding: { ...understanding, answer: 'Eight.' }, turns: [] }] }
  const model = await startGeminiSimulator({ script })
  const data = dataDirectory()
  services.push(data.remove, () => model.close())
  start = () =>
    startTestGateway({
      dataDirectory: data.path,
      environment: {
        ...{ BUILDERS_MIN: '1', BUILDERS_MAX: '1', GEMINI_API_KEY: 'any', GOOGLE_GEMINI_BASE_URL: model.url },
        ...{ OUTBOUND_ALLOWLIST: 'localhost', CALLBACK_SECRET, NODE_EXTRA_CA_CERTS: CERTIFICATE_FILE },
      },
    })
})
afterEach(async () => {
  for (const end of services.splice(0).toReversed()) await end()
})

const ask = ({ client }: TestGateway, { url: callbackUrl }: CallbackReceiver): Promise<TaskView> =>
  submit(client, { prompt: PROMPT, kind: 'question', callbackUrl })
/** What became of the callback, as the API tells it. */
const notifications = async ({ client }: TestGateway, { id }: TaskView) =>
  (await client.json<TaskView>('GET', `/v1/tasks/${id}`)).notifications

it('a callback outlives kills before it is sent and before that is written down: it arrives under one id, signed', async () => {
  let gateway = await start()
  const away = await startCallbackReceiver()
  await away.close()
  const task = await ask(gateway, away)
  await until(gateway.client, task.id, 'ended')
  await expect.poll(() => notifications(gateway, task), WITHIN).toMatchObject({ pending: 1, sent: 0 })
  await gateway.killEverything()

  let isTaken = false
  const receiver = await startCallbackReceiver(async () => {
    // It has arrived; that it has nobody will have written down.
    if (!isTaken) await (await second).kill()
    isTaken = true
    return { status: 204 }
  }, away)
  services.push(receiver.close)
  const second = start()
  await expect.poll(() => isTaken, WITHIN).toBe(true)

  gateway = await start()
  services.push(gateway.stop)
  await expect.poll(() => notifications(gateway, task), WITHIN).toMatchObject({ sent: 1, pending: 0, unknown: 0 })
  expect(receiver.calls.map(({ headers }) => headers['webhook-id'])).toEqual([`${task.id}-ended`, `${task.id}-ended`])
  expect(receiver.calls.map(isSigned)).toEqual([true, true])
  const [first, again] = receiver.calls.map(({ body }) => body)
  expect(again).toBe(first)
  expect(JSON.parse(first ?? '')).toMatchObject({ type: 'task.ended', data: { id: task.id, state: 'completed' } })
}, 240_000)
