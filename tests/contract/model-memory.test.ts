import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createGeminiClient } from '../../adapters/gemini/gemini-client.ts'
import { KEY, REQUEST } from '../support/model-backends.ts'
import { chunkOf, eventsOf, startRawModelServer, type RawModelServer } from '../support/raw-model-server.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

let server: RawModelServer
beforeAll(async () => {
  server = await startRawModelServer()
})
afterAll(() => server.close())

it('an answered turn leaves nothing of its step', async () => {
  const model = createGeminiClient({ apiKey: KEY, baseUrl: server.url, silenceLimitMs: 60_000 })
  const steps = new AsyncLocalStorage<object>()
  const seat = new AbortController()
  const take = async () => {
    server.answer({ pieces: [eventsOf(chunkOf([{ text: 'done' }], { finishReason: 'STOP' }))] })
    const step = new AbortController()
    const signal = AbortSignal.any([seat.signal, step.signal])
    await steps.run(step, () => model.generate({ ...REQUEST, signal }))
    return new WeakRef(step)
  }
  const taken: WeakRef<object>[] = []
  for (let turn = 0; turn < 20; turn++) taken.push(await take())
  // What was put into a WeakRef lives until the current job has ended.
  await delay(0)
  collectGarbage()
  const kept = taken.filter((step) => step.deref())
  // A connection that is kept open belongs to the step that opened it.
  expect(kept.length).toBeLessThan(5)
})
