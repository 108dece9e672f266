import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createGeminiClient } from '../../adapters/gemini/gemini-client.ts'
import type { GatewayError } from '../../domain/errors.ts'
import { KEY, REQUEST } from '../support/model-backends.ts'
import {
  chunkOf,
  eventsOf,
  jsonAnswer,
  startRawModelServer,
  type RawAnswer,
  type RawModelServer,
} from '../support/raw-model-server.ts'

let server: RawModelServer
beforeAll(async () => {
  server = await startRawModelServer()
})
afterAll(() => server.close())

async function failureOf(answer: RawAnswer, baseUrl = server.url): Promise<GatewayError> {
  server.answer(answer)
  const client = createGeminiClient({ apiKey: KEY, baseUrl })
  return client.generate(REQUEST).then(
    (answered) => Promise.reject(new Error(`it was answered: ${JSON.stringify(answered)}`)),
    (error: unknown) => error as GatewayError,
  )
}
const retryInfo = (retryDelay: unknown) => ({ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay })
const quotaFailure = (...ids: readonly string[]) => ({
  '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
  violations: ids.map((quotaId) => ({ quotaMetric: 'generativelanguage.googleapis.com/requests', quotaId })),
})
const body = (code: number, message: string, details?: unknown) => ({
  error: { code, message, status: 'STATUS', details },
})
const html = (status: number, text: string): RawAnswer => ({
  status,
  headers: { 'content-type': 'text/html' },
  pieces: [text],
})

const MINUTE = 'GenerateRequestsPerMinutePerProjectPerModel-FreeTier'
const DAY = 'GenerateRequestsPerDayPerProjectPerModel-FreeTier'
const overloaded = { code: 'model_overloaded', retryable: true }
const unavailable = { code: 'model_unavailable', retryable: true }
const rejected = { code: 'model_rejected_request', retryable: false }
const refusedKey = { code: 'model_refused_key', retryable: false }

describe('an error of the service', () => {
  it.each<[string, RawAnswer, object]>([
    [
      '429 with the time to wait',
      jsonAnswer(429, body(429, 'slow', [quotaFailure(MINUTE), retryInfo('47s')])),
      { ...overloaded, retryAfterMs: 47_000 },
    ],
    [
      '429 with a fraction of a second',
      jsonAnswer(429, body(429, 'slow', [retryInfo('0.0415s')])),
      { ...overloaded, retryAfterMs: 42 },
    ],
    [
      '429 without details',
      jsonAnswer(429, body(429, 'Resource has been exhausted (e.g. check quota).')),
      { ...overloaded, retryAfterMs: undefined },
    ],
    [
      '429 of a day among minutes',
      jsonAnswer(429, body(429, 'slow', [quotaFailure(MINUTE, DAY), retryInfo('9s')])),
      { code: 'model_quota_exhausted', retryable: false, retryAfterMs: undefined },
    ],
    [
      '429 with a time in words',
      jsonAnswer(429, body(429, 'slow', [retryInfo('soon')])),
      { ...overloaded, retryAfterMs: undefined },
    ],
    [
      '503',
      jsonAnswer(503, body(503, 'The model is overloaded. Please try again later.')),
      { ...overloaded, retryAfterMs: undefined },
    ],
    [
      '503 with the time to wait',
      jsonAnswer(503, body(503, 'busy', [retryInfo('7s')])),
      { ...overloaded, retryAfterMs: 7_000 },
    ],
    ['500', jsonAnswer(500, body(500, 'An internal error has occurred.')), overloaded],
    ['408', jsonAnswer(408, body(408, 'Deadline')), overloaded],
    ['400', jsonAnswer(400, body(400, 'Invalid JSON payload received. Unknown name "x"')), rejected],
    [
      '400 for a wrong key',
      jsonAnswer(
        400,
        body(400, 'API key expired.', [{ '@type': 'x/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' }]),
      ),
      refusedKey,
    ],
    [
      '400 for a wrong key, without details',
      jsonAnswer(400, body(400, 'API key not valid. Please pass a valid API key.')),
      refusedKey,
    ],
    ['401', jsonAnswer(401, body(401, 'Request had invalid authentication credentials.')), refusedKey],
    ['403', jsonAnswer(403, body(403, 'Method doesn’t allow unregistered callers.')), refusedKey],
    ['404', jsonAnswer(404, body(404, 'models/x is not found for API version v1beta')), rejected],
  ])('%s has its code', async (_, answer, failure) => {
    expect(await failureOf(answer)).toMatchObject({ name: 'GatewayError', ...failure })
  })

  it('may come in a list of one, as some fronts send it', async () => {
    const details = [quotaFailure(MINUTE), retryInfo('3s')]
    const failure = await failureOf(jsonAnswer(429, [body(429, 'slow', details)]))
    expect(failure).toMatchObject({ ...overloaded, retryAfterMs: 3_000 })
    expect(failure.message).toBe("Gemini's rate limit was reached (slow).")
  })

  it('may come in the middle of a stream, with its own code and time to wait', async () => {
    const events = eventsOf(chunkOf([{ text: 'half an ' }]), body(429, 'slow', [retryInfo('2.5s')]))
    expect(await failureOf({ pieces: [events] })).toMatchObject({ ...overloaded, retryAfterMs: 2_500 })
  })
})

describe('an error of something in between', () => {
  it.each<[string, RawAnswer, object]>([
    ['a page instead of JSON', html(502, '<html>\n<h1>Bad gateway</h1>'), overloaded],
    ['a page that forbids', html(403, `<html>${'x'.repeat(5_000)}`), refusedKey],
    ['a page that says it is JSON', { ...jsonAnswer(502, ''), pieces: ['<html>'] }, unavailable],
    [
      'a code that is a word',
      jsonAnswer(429, { error: { code: 'rate_limit_exceeded', message: 'slow', details: 'none' } }),
      overloaded,
    ],
    ['an error that is a word', jsonAnswer(429, { error: 'slow down' }), overloaded],
    [
      'nulls everywhere',
      jsonAnswer(503, { error: { code: null, message: null, status: null, details: [null] } }),
      overloaded,
    ],
    [
      'violations that are none',
      jsonAnswer(429, body(429, 'slow', [{ '@type': 'x.QuotaFailure', violations: [null, 'PerDay'] }])),
      overloaded,
    ],
    ['null', jsonAnswer(500, null), overloaded],
    ['an empty answer', { pieces: [' '] }, unavailable],
    ['a page with status 200', html(200, '<html>\n\nSign in to the network\n\n'), unavailable],
    ['a list of one error with status 200', { pieces: [eventsOf([body(503, 'busy')])] }, unavailable],
    ['no content', { status: 204, pieces: [''] }, unavailable],
  ])('%s is understood by its status', async (_, answer, failure) => {
    const error = await failureOf(answer)
    expect(error).toMatchObject({ name: 'GatewayError', ...failure })
    expect(error.message.length).toBeLessThan(450)
    expect(error.message).not.toContain('\n')
  })

  it('is an answer of no use when a JSON document was asked for', async () => {
    server.answer(html(200, '<html>'), jsonAnswer(200, {}))
    const client = createGeminiClient({ apiKey: KEY, baseUrl: server.url })
    for (let count = 0; count < 2; count++)
      await expect(client.generate({ ...REQUEST, jsonSchema: {} })).rejects.toMatchObject(unavailable)
  })
})

describe('a secret', () => {
  it.each([
    ['the key in the service’s own words', jsonAnswer(403, body(403, `Consumer 'api_key:${KEY}' has been suspended.`))],
    ['the key in a page', html(500, `<html>${KEY} and again ${KEY}`)],
    ['the key in an event', { pieces: [eventsOf(body(400, `${KEY} is odd`))] }],
  ])('is left out: %s', async (_, answer) => {
    const failure = await failureOf(answer)
    expect(failure.message).toContain('(the key)')
    expect(inspect(failure, { depth: 9 })).not.toContain(KEY)
  })

  it('is left out: a password in the base URL', async () => {
    const failure = await failureOf({ pieces: [' '] }, server.url.replace('//', '//operator:pa55word@'))
    expect(inspect(failure, { depth: 9 })).not.toContain('pa55word')
    expect(failure).toMatchObject(unavailable)
  })
})

it('that nobody listens at the address says what to check', async () => {
  const closed = await startRawModelServer()
  await closed.close()
  const failure = await failureOf({ pieces: [] }, closed.url)
  expect(failure).toMatchObject(unavailable)
  expect(failure.message).toContain('Check the network and GOOGLE_GEMINI_BASE_URL.')
})
