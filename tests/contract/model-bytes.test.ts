import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createGeminiClient } from '../../adapters/gemini/gemini-client.ts'
import type { ModelPart } from '../../domain/conversation.ts'
import type { ModelAnswer, ModelRequest } from '../../domain/ports/model.ts'
import { KEY, REQUEST } from '../support/model-backends.ts'
import {
  chunkOf,
  cutEvery,
  eventsOf,
  jsonAnswer,
  startRawModelServer,
  type RawModelServer,
} from '../support/raw-model-server.ts'

let server: RawModelServer
beforeAll(async () => {
  server = await startRawModelServer()
})
afterAll(() => server.close())

const ask = (request: Partial<ModelRequest> = {}): Promise<ModelAnswer> =>
  createGeminiClient({ apiKey: KEY, baseUrl: server.url }).generate({ ...REQUEST, ...request })
/** Answers with these bytes in these pieces. */
const answerTo = (pieces: readonly (string | Uint8Array)[]): Promise<ModelAnswer> => {
  server.answer({ pieces, everyMs: 0 })
  return ask()
}
const END = { finishReason: 'STOP', usageMetadata: { promptTokenCount: 8, candidatesTokenCount: 2 } }
const streamOf = (parts: readonly object[]): string => eventsOf(chunkOf(parts, END))
const wordsOf = ({ parts }: ModelAnswer): readonly string[] => parts.map(({ text = '' }) => text)

/** Parts as a model may write them; the order of keys is part of the text. */
const ODD_PARTS: Readonly<Record<string, string>> = {
  'a signature before its call, and the id after the arguments':
    '{"thoughtSignature":"AAA+/w==","functionCall":{"args":{"z":{"y":1,"b":[2,{"a":null}]},"a":true},"name":"read_file","id":"c1"}}',
  'a call with its name first': '{"functionCall":{"name":"read_file","id":"c1","args":{}},"thoughtSignature":"QQ=="}',
  'a call without id or arguments': '{"functionCall":{"name":"read_file"}}',
  'a thought': '{"thought":true,"text":"Which file?"}',
  'a thought with a signature': '{"thoughtSignature":"QQ==","text":"Which file?","thought":true}',
  'an empty text with a signature': '{"text":"","thoughtSignature":"QUJD"}',
  'line ends, NUL and half a surrogate pair': String.raw`{"text":"a\r\n\r\nb\u0000c\ud83d"}`,
  'separators, a flag and combining characters': '{"text":"\u2028\u2029🏳️‍🌈é שלום","thoughtSignature":"QQ=="}',
  'numbers at their limits': '{"functionCall":{"name":"f","args":{"n":[9007199254740991,-1.5e-9,1e+21,5e-324,0]}}}',
  'names that mean something elsewhere':
    '{"functionCall":{"name":"f","args":{"__proto__":{"x":1},"constructor":2,"":3,"error":{"code":500}}}}',
  'a field of tomorrow': '{"text":"x","partMetadata":{"b":1,"a":2},"newField":{"deep":[1]}}',
}

describe('the bytes of an answer', () => {
  const text = 'Größe, 数字, 🚀 und\nein paar Worte'

  it.each([1, 2, 3, 7, 64])('may be cut every %i bytes, in characters and events', async (size) => {
    const call = { functionCall: { name: 'glob', args: { pattern: '**/ß*' }, id: 'c1' }, thoughtSignature: 'QQ==' }
    const answer = await answerTo(cutEvery(size, eventsOf(chunkOf([{ text }]), chunkOf([call], END))))
    expect(JSON.stringify(answer.parts)).toBe(JSON.stringify([{ text }, call]))
  })

  it.each(['\r\n\r\n', '\n\n', '\r\r'])('may end an event with %j', async (end) => {
    expect(wordsOf(await answerTo([streamOf([{ text }]).replaceAll('\r\n\r\n', end)]))).toEqual([text])
  })

  it('may hold comments, no blank after `data:`, and many events in one packet', async () => {
    const events = eventsOf(...[...text].map((character) => chunkOf([{ text: character }])), chunkOf([], END))
    const pieces = [`: ping\r\n\r\n${events.replaceAll('data: ', 'data:')}: ping\r\n\r\n`]
    expect(wordsOf(await answerTo(pieces))).toEqual([text])
  })
})

describe('a part', () => {
  it.each(Object.entries(ODD_PARTS))('with %s comes back and goes out byte for byte', async (_, json) => {
    const { parts } = await answerTo([streamOf([]).replace('"parts":[]', `"parts":[${json}]`)])
    expect(JSON.stringify(parts)).toBe(`[${json}]`)
    server.answer({ pieces: [streamOf([{ text: 'ok' }])] })
    await ask({
      contents: [...REQUEST.contents, { role: 'model', parts }, { role: 'user', parts: [{ text: 'go on' }] }],
    })
    expect(server.requests.at(-1)?.text).toContain(`{"role":"model","parts":[${json}]}`)
  })

  it('of a whole JSON answer comes back the same way', async () => {
    server.answer(jsonAnswer(200, chunkOf([{ thoughtSignature: 'QQ==', text: '{"b":1,"a":2}' }], END)))
    const { parts } = await ask({ jsonSchema: { type: 'object' } })
    expect(JSON.stringify(parts)).toBe(String.raw`[{"thoughtSignature":"QQ==","text":"{\"b\":1,\"a\":2}"}]`)
  })

  it('may be a call with 1 MiB of arguments', async () => {
    const content = 'ß🚀\n"\\'.repeat(100_000)
    const part = { functionCall: { id: 'c1', name: 'write_file', args: { content } }, thoughtSignature: 'QQ==' }
    const { parts } = await answerTo(cutEvery(65_537, streamOf([part])))
    expect(JSON.stringify(parts)).toBe(JSON.stringify([part]))
    server.answer({ pieces: [streamOf([{ text: 'ok' }])] })
    await ask({ contents: [...REQUEST.contents, { role: 'model', parts }] })
    expect(server.requests.at(-1)?.text.includes(JSON.stringify(part))).toBe(true)
  })

  it('is joined with its neighbour only when both are plain text of the same kind', async () => {
    const parts = [
      { text: 'thinking ', thought: true },
      { text: 'aloud', thought: true },
      { text: 'I ' },
      { text: '' },
      { text: 'read' },
      { text: ' now', thoughtSignature: 'QQ==' },
      { text: '', thoughtSignature: 'Qg==' },
      { text: 'a' },
      { functionCall: { name: 'f', args: {} } },
      { text: 'b' },
    ]
    const answer = await answerTo([eventsOf(...parts.map((part) => chunkOf([part])), chunkOf([], END))])
    const joined: readonly ModelPart[] = [
      { text: 'thinking aloud', thought: true },
      { text: 'I read' },
      ...parts.slice(5),
    ]
    expect(JSON.stringify(answer.parts)).toBe(JSON.stringify(joined))
  })
})

describe('usage', () => {
  const running = (promptTokenCount: number, candidatesTokenCount: number) =>
    chunkOf([{ text: 'x' }], { usageMetadata: { promptTokenCount, candidatesTokenCount, thoughtsTokenCount: 3 } })

  it('is the last running total, not a sum, also when the last chunk has none', async () => {
    const answer = await answerTo([eventsOf(running(50, 1), running(50, 4), chunkOf([], { finishReason: 'STOP' }))])
    expect(answer.usage).toEqual({ inputTokens: 50, outputTokens: 4, thoughtTokens: 3, cachedTokens: 0 })
  })

  it('is added up over the requests of one continued answer', async () => {
    const checkpoint = running(50, 4)
    Object.assign(checkpoint.candidates[0] ?? {}, { finishReason: 'CONTINUATION', continuationToken: 'dG9rZW4=' })
    server.answer(
      { pieces: [eventsOf(running(50, 1), checkpoint)] },
      { pieces: [eventsOf(running(60, 2), chunkOf([], END))] },
    )
    const { usage, finishReason } = await ask()
    expect([finishReason, usage.inputTokens, usage.outputTokens]).toEqual(['STOP', 58, 6])
    expect(JSON.parse(server.requests.at(-1)?.text ?? '')).toMatchObject({ continuationToken: 'dG9rZW4=' })
  })

  it('is zero for what the service leaves out', async () => {
    server.answer({ pieces: [eventsOf(chunkOf([{ text: 'x' }], { finishReason: 'STOP' }))] })
    expect((await ask()).usage).toEqual({ inputTokens: 0, outputTokens: 0, thoughtTokens: 0, cachedTokens: 0 })
  })
})
