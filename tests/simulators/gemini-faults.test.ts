import { ApiError, type GenerateContentResponse, type GoogleGenAI } from '@google/genai'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FAULTS, type Fault } from '../../simulators/gemini/script.ts'
import { startGeminiSimulator, type GeminiSimulator } from '../../simulators/gemini/server.ts'
import { ask, clientOf, MODEL, refusalOf, userSays } from './gemini-conversation.ts'

const TEXT = 'An answer long enough to come in several pieces of the stream.'
const contents = [userSays('hello')]

let simulator: GeminiSimulator
let client: GoogleGenAI

beforeEach(async () => {
  simulator = await startGeminiSimulator({ script: () => ({ text: TEXT }) })
  client = clientOf(simulator.url)
})
afterEach(() => simulator.close())

const whole = (config = {}): Promise<GenerateContentResponse> =>
  client.models.generateContent({ model: MODEL, contents, config })

/** Reads a stream until it ends or breaks. */
async function readStream(): Promise<{ chunks: GenerateContentResponse[]; error?: unknown }> {
  const chunks: GenerateContentResponse[] = []
  try {
    for await (const chunk of await client.models.generateContentStream({ model: MODEL, contents })) chunks.push(chunk)
    return { chunks }
  } catch (error) {
    return { chunks, error }
  }
}

const textOf = (chunks: readonly GenerateContentResponse[]): string =>
  chunks
    .flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? [])
    .reduce((sum, { text }) => sum + (text ?? ''), '')

describe('faults that answer with an error', () => {
  test.each<[Fault, number, string]>([
    ['overloaded', 503, 'UNAVAILABLE'],
    ['internal', 500, 'INTERNAL'],
    ['rate-limited', 429, 'RESOURCE_EXHAUSTED'],
    ['quota-exhausted', 429, 'RESOURCE_EXHAUSTED'],
  ])('%s answers %i %s once, then the model answers', async (fault, http, status) => {
    simulator.failNext(fault)
    expect(await refusalOf(ask({ client, contents, stream: true }))).toMatchObject({ http, status })
    expect(textOf((await readStream()).chunks)).toBe(TEXT)
    expect(simulator.ledger.map((entry) => [entry.status, entry.fault, entry.inputTokens > 0])).toEqual([
      [http, fault, false],
      [200, undefined, true],
    ])
  })

  test('rate-limited names a minute and 1 s to wait, quota-exhausted names a day', async () => {
    simulator.failNext('rate-limited')
    simulator.failNext('quota-exhausted')
    const [minute, day] = [await refusalOf(whole()), await refusalOf(whole())]
    expect(minute.details).toContainEqual({ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1s' })
    expect(JSON.stringify(minute.details)).toContain('GenerateRequestsPerMinutePerProjectPerModel')
    expect(JSON.stringify(day.details)).toContain('GenerateRequestsPerDayPerProjectPerModel')
  })

  test('failNext with 2 times fails 2 requests, and the client’s own retries get through', async () => {
    simulator.failNext('overloaded', 2)
    const httpOptions = { retryOptions: { attempts: 3, initialDelay: 0.001, maxDelay: 0.002 } }
    const answer = await whole({ httpOptions })
    expect(textOf([answer])).toBe(TEXT)
    expect(simulator.ledger.map(({ status }) => status)).toEqual([503, 503, 200])
  })

  test('an embedding fails too, but leaves faults of answers to the next answer', async () => {
    const embed = () => client.models.embedContent({ model: 'gemini-embedding-001', contents: 'x' })
    simulator.failNext('overloaded')
    simulator.failNext('safety')
    expect(await refusalOf(embed())).toMatchObject({ http: 503 })
    expect((await embed()).embeddings).toHaveLength(1)
    expect((await whole()).candidates?.[0]?.finishReason).toBe('SAFETY')
  })
})

describe('faults that break the connection', () => {
  test('hang answers nothing until the client gives up', async () => {
    simulator.failNext('hang')
    const controller = new AbortController()
    const attempt = whole({ abortSignal: controller.signal })
    await vi.waitFor(() => expect(simulator.ledger).toHaveLength(1))
    controller.abort()
    await expect(attempt).rejects.toThrow(/abort/i)
    expect(simulator.ledger[0]).toMatchObject({ status: 0, fault: 'hang' })
  })

  test('close ends a request that hangs', async () => {
    simulator.failNext('hang')
    const attempt = whole().catch(String)
    await vi.waitFor(() => expect(simulator.ledger).toHaveLength(1))
    await simulator.close()
    expect(await attempt).toContain('fetch failed')
    simulator = await startGeminiSimulator({ script: { tasks: [] } })
  })

  test('reset ends the connection before the first byte', async () => {
    simulator.failNext('reset', 2)
    await expect(whole()).rejects.toThrow('fetch failed')
    const { chunks, error } = await readStream()
    expect([chunks, error instanceof ApiError]).toEqual([[], false])
    expect(simulator.ledger.map(({ status }) => status)).toEqual([0, 0])
  })

  test('cut ends a stream and a whole answer in their middle', async () => {
    simulator.failNext('cut', 2)
    const { chunks, error } = await readStream()
    expect(chunks.length).toBeGreaterThan(0)
    expect(chunks.some(({ candidates }) => candidates?.[0]?.finishReason !== undefined)).toBe(false)
    expect(error).toBeInstanceOf(Error)
    await expect(whole()).rejects.toThrow()
  })

  test('stream-error sends a part of the stream and then an error event, and 503 for a whole answer', async () => {
    simulator.failNext('stream-error', 2)
    const { chunks, error } = await readStream()
    expect(TEXT.startsWith(textOf(chunks)) && textOf(chunks).length > 0).toBe(true)
    expect(error).toBeInstanceOf(ApiError)
    expect((error as ApiError).status).toBe(503)
    expect(await refusalOf(whole())).toMatchObject({ http: 503, status: 'UNAVAILABLE' })
    expect(simulator.ledger.map(({ status }) => status)).toEqual([200, 503])
  })
})

describe('faults of the answer itself', () => {
  test.each<[Fault, string]>([
    ['empty', 'STOP'],
    ['safety', 'SAFETY'],
    ['malformed-call', 'MALFORMED_FUNCTION_CALL'],
  ])('%s has no parts and ends with %s, streamed or whole', async (fault, finishReason) => {
    simulator.failNext(fault, 2)
    for (const answer of [await whole(), (await readStream()).chunks[0]]) {
      expect(answer?.candidates?.[0]?.finishReason).toBe(finishReason)
      expect(answer?.candidates?.[0]?.content?.parts).toBeUndefined()
    }
  })

  test('max-tokens ends in thinking, with an empty text', async () => {
    simulator.failNext('max-tokens')
    const { candidates, usageMetadata } = await whole()
    expect(candidates?.[0]).toMatchObject({ finishReason: 'MAX_TOKENS', content: { parts: [{ text: '' }] } })
    expect(usageMetadata?.thoughtsTokenCount).toBe(40)
  })

  test('no-candidates has none, and blocked says why', async () => {
    simulator.failNext('no-candidates')
    simulator.failNext('blocked')
    const [silent, blocked] = [await whole(), await whole()]
    expect([silent.candidates, silent.promptFeedback]).toEqual([undefined, undefined])
    expect([blocked.candidates, blocked.promptFeedback]).toEqual([undefined, { blockReason: 'SAFETY' }])
  })

  test('not-json answers a JSON request with text that no parser takes', async () => {
    await simulator.close()
    simulator = await startGeminiSimulator({ script: { tasks: [{ match: '', understanding: { a: 1 }, turns: [] }] } })
    client = clientOf(simulator.url)
    const config = { responseMimeType: 'application/json', responseJsonSchema: { type: 'object' } }
    simulator.failNext('not-json')
    const { text = '' } = await whole(config)
    expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError)
    expect(JSON.parse((await whole(config)).text ?? '')).toEqual({ a: 1 })
  })
})

describe('faults in a script', () => {
  test('happen faultTimes for each conversation, every time without it', async () => {
    await simulator.close()
    const turns = [{ text: 'fine', fault: 'overloaded' as const, faultTimes: 2 }]
    const tasks = [
      { match: 'twice', turns },
      { match: 'always', turns: [{ fault: 'internal' as const }] },
    ]
    simulator = await startGeminiSimulator({ script: { tasks } })
    client = clientOf(simulator.url)
    const statusOf = (text: string) =>
      ask({ client, contents: [userSays(text)], stream: false }).then(
        () => 200,
        (error: unknown) => (error instanceof ApiError ? error.status : 0),
      )
    const statuses: number[] = []
    for (const text of ['twice a', 'twice a', 'twice b', 'twice a', 'twice b', 'twice b', 'always', 'always', 'always'])
      statuses.push(await statusOf(text))
    expect(statuses).toEqual([503, 503, 503, 200, 503, 200, 500, 500, 500])
  })

  test('every fault that can be named leaves the simulator able to answer', async () => {
    for (const fault of FAULTS.filter((name) => name !== 'hang')) {
      simulator.failNext(fault)
      await readStream()
    }
    expect(simulator.ledger.map(({ fault }) => fault)).toEqual(FAULTS.filter((name) => name !== 'hang'))
    expect(textOf([await whole()])).toBe(TEXT)
  })
})
