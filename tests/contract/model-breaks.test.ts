import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createGeminiClient } from '../../adapters/gemini/gemini-client.ts'
import type { ModelAnswer, ModelRequest } from '../../domain/ports/model.ts'
import { KEY, REQUEST } from '../support/model-backends.ts'
import {
  chunkOf,
  cutEvery,
  eventsOf,
  jsonAnswer,
  startRawModelServer,
  type RawAnswer,
  type RawModelServer,
} from '../support/raw-model-server.ts'

let server: RawModelServer
beforeEach(async () => {
  server = await startRawModelServer()
})
afterEach(() => server.close())

const answerTo = (
  answer: RawAnswer,
  request: Partial<ModelRequest> & { silenceLimitMs?: number } = {},
): Promise<ModelAnswer> => {
  const { silenceLimitMs = 5_000, ...rest } = request
  server.answer(answer)
  return createGeminiClient({ apiKey: KEY, baseUrl: server.url, silenceLimitMs }).generate({ ...REQUEST, ...rest })
}
const unavailable = { name: 'GatewayError', code: 'model_unavailable', retryable: true }
const beginning = eventsOf(chunkOf([{ text: 'half an answer' }]))
const whole = eventsOf(
  chunkOf([{ text: 'all of it' }], { finishReason: 'STOP', usageMetadata: { promptTokenCount: 3 } }),
)

describe('a connection that breaks', () => {
  it.each<[string, RawAnswer]>([
    ['before the first byte', { pieces: [], ending: 'reset' }],
    ['inside an event', { pieces: [whole.slice(0, 30)], ending: 'reset' }],
    ['between two events', { pieces: [beginning], ending: 'reset' }],
    ['by a proper end between two events', { pieces: [beginning] }],
    ['by a proper end inside an event', { pieces: [beginning, whole.slice(0, 30)] }],
  ])('%s gives no answer', async (_, answer) => {
    await expect(answerTo(answer)).rejects.toMatchObject(unavailable)
    expect(server.requests).toHaveLength(1)
  })

  it('after the last word takes nothing of the answer away', async () => {
    const answer = await answerTo({ pieces: [beginning, whole], ending: 'reset' })
    expect(answer).toMatchObject({ parts: [{ text: 'half an answerall of it' }], finishReason: 'STOP' })
    expect(answer.usage.inputTokens).toBe(3)
  })

  it('in the middle of a JSON document gives no answer', async () => {
    const document = jsonAnswer(200, chunkOf([{ text: '{}' }], { finishReason: 'STOP' }))
    const cut = { ...document, pieces: [String(document.pieces[0]).slice(0, 20)] }
    for (const ending of ['reset', 'end'] as const)
      await expect(answerTo({ ...cut, ending }, { jsonSchema: {} })).rejects.toMatchObject(unavailable)
  })
})

describe('silence', () => {
  it.each<[string, RawAnswer]>([
    ['from the beginning', { pieces: [], ending: 'silence' }],
    ['after a part of the answer', { pieces: [beginning], ending: 'silence' }],
    ['after half an event', { pieces: [beginning, whole.slice(0, 20)], ending: 'silence' }],
  ])('%s is given up after the limit', async (_, answer) => {
    const started = Date.now()
    await expect(answerTo(answer, { silenceLimitMs: 150 })).rejects.toThrow('no byte arrived in time')
    expect(Date.now() - started).toBeGreaterThan(140)
  })

  it('ends with every byte, also when one event or document takes longer than the limit', async () => {
    const limit = { silenceLimitMs: 900 }
    const event = answerTo({ everyMs: 100, pieces: cutEvery(10, whole) }, limit)
    await vi.waitFor(() => expect(server.requests).toHaveLength(1))
    const { pieces, ...head } = jsonAnswer(200, chunkOf([{ text: '{}' }], { finishReason: 'STOP' }))
    const slowly = { ...head, everyMs: 100, pieces: cutEvery(8, String(pieces[0])) }
    const document = answerTo(slowly, { ...limit, jsonSchema: {} })
    expect([(await event).finishReason, (await document).finishReason]).toEqual(['STOP', 'STOP'])
  })

  it('after the last word takes nothing of the answer away', async () => {
    const answer = await answerTo({ pieces: [whole], ending: 'silence' }, { silenceLimitMs: 500 })
    expect(answer.parts).toEqual([{ text: 'all of it' }])
  })
})

describe('the caller’s signal', () => {
  it.each<[string, RawAnswer]>([
    ['before an answer', { pieces: [], ending: 'silence' }],
    ['in the middle of one', { pieces: [beginning], ending: 'silence' }],
    ['after the last word', { pieces: [whole], ending: 'silence' }],
  ])('%s ends the call with the caller’s reason, and the connection', async (_, answer) => {
    const reason = new Error('the seat ended')
    const controller = new AbortController()
    const call = answerTo(answer, { signal: controller.signal })
    await vi.waitFor(() => expect(server.requests).toHaveLength(1))
    setTimeout(() => controller.abort(reason), 50)
    await expect(call).rejects.toBe(reason)
    await vi.waitFor(() => expect(server.open()).toBe(0))
  })
})

it('a refusal in the middle of a stream ends the connection, which the service leaves open', async () => {
  const error = { error: { code: 503, status: 'UNAVAILABLE', message: 'busy' } }
  await expect(answerTo({ pieces: [eventsOf(error)], ending: 'silence' })).rejects.toThrow('503 busy')
  await vi.waitFor(() => expect(server.open()).toBe(0))
})
