import type { Content, GoogleGenAI, Part } from '@google/genai'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startGeminiSimulator, type GeminiSimulator } from '../../simulators/gemini/server.ts'
import { ask, clientOf, CONFIG, converse, MODEL, refusalOf, respond, SCRIPT, userSays } from './gemini-conversation.ts'

let simulator: GeminiSimulator
let client: GoogleGenAI

beforeEach(async () => {
  simulator = await startGeminiSimulator({ script: SCRIPT, apiKeys: ['key'] })
  client = clientOf(simulator.url)
})
afterEach(() => simulator.close())

const textOf = (content: Content | undefined): string => (content?.parts ?? []).map(({ text }) => text ?? '').join('')
const signed = (parts: readonly Part[] | undefined): number =>
  (parts ?? []).filter(({ thoughtSignature }) => thoughtSignature !== undefined).length

describe('a scripted task', () => {
  for (const stream of [true, false])
    test(`plays its 3 turns through ${stream ? 'streams' : 'whole answers'} with signatures echoed verbatim`, async () => {
      const contents = await converse({ client, stream }, 'Please fix the login.')
      expect(contents.filter(({ role }) => role === 'model')).toHaveLength(3)
      expect(textOf(contents[1])).toBe('Ich lese zuerst die Dateien – größer als gedacht.')
      expect(textOf(contents.at(-1))).toBe('The login works again: sessions are renewed before they end.')
      expect(simulator.ledger.map(({ status, turn, signatures }) => [status, turn, signatures])).toEqual([
        [200, 0, 'none'],
        [200, 1, 'verified'],
        [200, 2, 'verified'],
      ])
      expect(simulator.ledger.every(({ taskMatch }) => taskMatch === 'fix the login')).toBe(true)
    })

  test('signs the first of 2 parallel calls only, and gives each an id of its own', async () => {
    const parts = await ask({ client, contents: [userSays('fix the login')], stream: true })
    const calls = parts.filter(({ functionCall }) => functionCall)
    expect(calls.map(({ thoughtSignature }) => thoughtSignature !== undefined)).toEqual([true, false])
    expect(new Set(calls.map(({ functionCall }) => functionCall?.id)).size).toBe(2)
  })

  test('ends a text answer of Gemini 3 with an empty signed part, and signs nothing for Gemini 2.5', async () => {
    const contents = [userSays('hello')]
    const modern = await ask({ client, contents, stream: true })
    expect(modern.at(-1)).toEqual({ text: '', thoughtSignature: expect.stringMatching(/^[\w+/]+=*$/) })
    const old = await ask({ client, contents, stream: true, model: 'gemini-2.5-pro' })
    expect([textOf({ parts: old }), signed(old)]).toEqual(['Done.', 0])
  })

  test('takes the other branch when the last response does not contain the text', async () => {
    const contents = (await converse({ client, stream: false }, 'fix the login')).slice(0, -2)
    contents.push(respond(contents.at(-1)?.parts ?? [], 'disk full'))
    expect(textOf({ parts: await ask({ client, contents, stream: false }) })).toBe('The file could not be written.')
  })

  test('fills a JSON answer from the request’s schema', async () => {
    const responseJsonSchema = {
      type: 'object',
      properties: { summary: { type: 'string' }, priority: { type: 'integer', minimum: 1, maximum: 5 } },
      required: ['summary', 'priority'],
    }
    const config = { responseMimeType: 'application/json', responseJsonSchema }
    const { text } = await client.models.generateContent({ model: MODEL, contents: 'fix the login', config })
    expect(JSON.parse(text ?? '')).toEqual({ summary: 'Repair the login', priority: 3 })
  })

  test('tells its thoughts only to a client that asks for them', async () => {
    const contents = [userSays('fix the login')]
    const config = { ...CONFIG, thinkingConfig: { includeThoughts: true } }
    const answer = await client.models.generateContent({ model: MODEL, contents, config })
    const thoughts = answer.candidates?.[0]?.content?.parts?.filter(({ thought }) => thought)
    expect(thoughts).toEqual([{ text: 'Two files matter.', thought: true }])
    expect((await ask({ client, contents, stream: false })).some(({ thought }) => thought)).toBe(false)
  })
})

describe('a stream', () => {
  test('carries growing usage in each event, the reason in the last, and events that end in CR LF CR LF', async () => {
    const response = await fetch(`${simulator.url}/v1beta/models/${MODEL}:streamGenerateContent?alt=sse`, {
      method: 'POST',
      headers: { 'x-goog-api-key': 'key' },
      body: JSON.stringify({ contents: [userSays('fix the login')], ...CONFIG }),
    })
    const wire = await response.text()
    expect(wire.endsWith('\r\n\r\n')).toBe(true)
    const events = wire.split('\r\n\r\n').slice(0, -1)
    const chunks = events.map((event) => JSON.parse(event.replace(/^data: /, '')) as StreamedChunk)
    const totals = chunks.map(({ usageMetadata }) => usageMetadata.totalTokenCount)
    expect(totals.length).toBeGreaterThan(3)
    expect(totals).toEqual([...totals].toSorted((a, b) => a - b))
    expect(chunks.map(({ candidates }) => candidates[0]?.finishReason)).toEqual([
      ...Array.from({ length: chunks.length - 1 }, () => undefined),
      'STOP',
    ])
    const { inputTokens, outputTokens } = simulator.ledger[0] ?? { inputTokens: 0, outputTokens: 0 }
    expect(totals.at(-1)).toBe(inputTokens + outputTokens)
  })

  test('counts what an earlier prompt of at least 1,024 tokens shares as cached', async () => {
    const question = { model: MODEL, contents: `${'x'.repeat(8_000)} hello` }
    const first = await client.models.generateContent(question)
    const second = await client.models.generateContent(question)
    expect(first.usageMetadata?.cachedContentTokenCount).toBeUndefined()
    expect(second.usageMetadata?.cachedContentTokenCount).toBe(1_792)
    expect(second.usageMetadata?.promptTokenCount).toBe(first.usageMetadata?.promptTokenCount)
  })

  test('continues an answer that was too long for one request', async () => {
    await simulator.close()
    const text = 'One half here, the other half there.'
    simulator = await startGeminiSimulator({ script: () => ({ text, finishReason: 'CONTINUATION' }) })
    const contents = [userSays('tell me')]
    const parts = await ask({ client: clientOf(simulator.url), contents, stream: true, model: 'gemini-4-argon' })
    expect([textOf({ parts }), simulator.ledger.length]).toEqual([text, 2])
  })
})

describe('a request that breaks a rule gets 400', () => {
  const MISSING_SIGNATURE =
    'Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call `default_api:read_file` , position 2. Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details.'

  /** A conversation after its first answered turn, changed by `change`, sent once more. */
  async function refusedAfter(change: (contents: Content[]) => void) {
    const contents = [userSays('fix the login')]
    const parts = await ask({ client, contents, stream: true })
    contents.push({ role: 'model', parts }, respond(parts, 'text'))
    change(contents)
    return refusalOf(ask({ client, contents, stream: true }))
  }
  const callOf = (contents: Content[]): Part => contents[1]?.parts?.find(({ functionCall }) => functionCall) ?? {}

  test('when the signature of a call is missing', async () => {
    const refusal = await refusedAfter((contents) => delete callOf(contents).thoughtSignature)
    expect(refusal).toMatchObject({ http: 400, status: 'INVALID_ARGUMENT', message: MISSING_SIGNATURE })
    expect(simulator.ledger.at(-1)).toMatchObject({ status: 400, signatures: 'missing', refusal: MISSING_SIGNATURE })
  })

  test.each<[string, (part: Part) => void]>([
    [
      'is changed',
      (part) => (part.thoughtSignature = (part.thoughtSignature ?? '').replace(/^./, (c) => (c === 'A' ? 'B' : 'A'))),
    ],
    ['no longer fits the arguments', (part) => (part.functionCall = { ...part.functionCall, args: { path: 'etc' } })],
  ])('when the signature of a call %s', async (_, change) => {
    const refusal = await refusedAfter((contents) => change(callOf(contents)))
    expect(refusal).toMatchObject({ http: 400, message: 'Corrupted thought signature.' })
    expect(simulator.ledger.at(-1)).toMatchObject({ status: 400, signatures: 'corrupted' })
  })

  test('when one of 2 responses is missing', async () => {
    const { http, message } = await refusedAfter((contents) => contents[2]?.parts?.pop())
    expect([http, message]).toEqual([
      400,
      'Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.',
    ])
  })

  test('when the responses come in another order than the calls', async () => {
    const { http, message } = await refusedAfter((contents) =>
      contents[2]?.parts?.splice(0, 2, ...(contents[2].parts ?? []).toReversed()),
    )
    expect([http, message]).toEqual([
      400,
      'Please ensure that the function response ids are equal to the function call ids, in the same order.',
    ])
  })

  test('when a field is unknown, deep inside', async () => {
    const extraBody = { toolConfig: { functionCallingConfig: { surprise: 1 } } }
    const config = { ...CONFIG, httpOptions: { extraBody } }
    const { http, details } = await refusalOf(client.models.generateContent({ model: MODEL, contents: 'x', config }))
    expect(http).toBe(400)
    const field = 'tool_config.function_calling_config'
    const description = `Invalid JSON payload received. Unknown name "surprise" at '${field}': Cannot find field.`
    expect(details).toEqual([
      { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [{ field, description }] },
    ])
  })

  test('when a JSON Schema has a word that answers do not know', async () => {
    const config = {
      responseMimeType: 'application/json',
      responseJsonSchema: { type: 'object', properties: { name: { type: 'string', pattern: '^a' } } },
    }
    const { http, message } = await refusalOf(client.models.generateContent({ model: MODEL, contents: 'x', config }))
    expect([http, message]).toEqual([400, expect.stringContaining('keyword "pattern" is not supported')])
  })

  test('when Gemini 4 is given a thinking budget', async () => {
    const config = { thinkingConfig: { thinkingBudget: 100 } }
    const attempt = client.models.generateContent({ model: 'gemini-4-argon', contents: 'x', config })
    expect(await refusalOf(attempt)).toMatchObject({
      http: 400,
      message: 'Thinking budget is not supported for this model. Use thinking level instead.',
    })
  })
})

interface StreamedChunk {
  readonly candidates: { readonly finishReason?: string }[]
  readonly usageMetadata: { readonly totalTokenCount: number }
}
