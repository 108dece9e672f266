import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ModelAnswer, ModelRequest } from '../../domain/ports/model.ts'
import { KEY, MODEL_BACKENDS, REQUEST, TEXT, type ModelBackend, type SceneName } from '../support/model-backends.ts'

/** The contract of the `ModelClient` port, run on every backend a client can meet. */
describe.each(Object.entries(MODEL_BACKENDS))('a model client on %s', (_, start) => {
  let backend: ModelBackend
  beforeEach(async () => {
    backend = await start()
  })
  afterEach(() => backend.close())

  const answerTo = (scene: SceneName, request: Partial<ModelRequest> = {}): Promise<ModelAnswer> => {
    backend.play(scene)
    return backend.client().generate({ ...REQUEST, ...request })
  }
  const textOf = ({ parts }: ModelAnswer): string => parts.map(({ text = '' }) => text).join('')

  describe('that is answered', () => {
    it('gives text in one part, the model signature in an empty part of its own, and the last usage', async () => {
      const answer = await answerTo('text')
      expect(answer).toEqual({
        model: REQUEST.model,
        parts: [{ text: TEXT }, { text: '', thoughtSignature: expect.stringMatching(/^[\w+/]+=*$/) }],
        finishReason: 'STOP',
        usage: { inputTokens: 107, outputTokens: 10, thoughtTokens: 5, cachedTokens: 20 },
      })
      backend.checkProtocol()
    })

    it('gives parallel calls in order, with ids, and a signature on the first only', async () => {
      const { parts } = await answerTo('calls')
      const calls = parts.filter(({ functionCall }) => functionCall)
      expect(calls.map(({ functionCall }) => [functionCall?.name, functionCall?.args])).toEqual([
        ['read_file', { file_path: 'src/größe.ts', start_line: 1 }],
        ['glob', { pattern: '**/*.ts' }],
      ])
      expect(new Set(calls.map(({ functionCall }) => functionCall?.id)).size).toBe(2)
      expect(calls.map(({ thoughtSignature }) => thoughtSignature !== undefined)).toEqual([true, false])
    })

    it('is understood when the answer and its responses come back in the next request', async () => {
      const { parts } = await answerTo('calls')
      const responses = parts.flatMap(({ functionCall }) =>
        functionCall
          ? [
              {
                functionResponse: {
                  id: functionCall.id ?? '',
                  name: functionCall.name ?? '',
                  response: { output: '✓' },
                },
              },
            ]
          : [],
      )
      const contents = [...REQUEST.contents, { role: 'model', parts }, { role: 'user', parts: responses }] as const
      expect(textOf(await answerTo('text', { contents }))).toBe(TEXT)
      backend.checkProtocol()
    })

    it('gives the one JSON document that was asked for', async () => {
      const { tools, ...request } = REQUEST
      backend.play('json')
      const answer = await backend.client().generate({ ...request, jsonSchema: { type: 'object' } })
      expect(JSON.parse(textOf(answer))).toEqual({ title: 'Prüfe' })
      backend.checkProtocol()
    })

    it('goes on by itself when the answer needs a second request', async () => {
      expect(textOf(await answerTo('continuation'))).toBe(
        'One half of the answer here, the other half of the answer there.',
      )
      expect(backend.requests()).toBe(2)
    })

    it.each<[SceneName, string, number]>([
      ['safety', 'SAFETY', 0],
      ['empty', 'STOP', 0],
      ['max-tokens', 'MAX_TOKENS', 1],
      ['malformed-call', 'MALFORMED_FUNCTION_CALL', 0],
      ['blocked', 'BLOCKED:SAFETY', 0],
      ['no-candidates', 'NONE', 0],
    ])('resolves for an answer of no use: %s ends with %s and %i parts', async (scene, finishReason, parts) => {
      const answer = await answerTo(scene)
      expect([answer.finishReason, answer.parts.length]).toEqual([finishReason, parts])
    })
  })

  describe('that is not answered', () => {
    it.each<[SceneName, object]>([
      ['overloaded', { code: 'model_overloaded', retryable: true }],
      ['internal', { code: 'model_overloaded', retryable: true }],
      ['stream-error', { code: 'model_overloaded', retryable: true }],
      ['rate-limited', { code: 'model_overloaded', retryable: true, retryAfterMs: 1_000 }],
      ['quota-exhausted', { code: 'model_quota_exhausted', retryable: false }],
      ['reset', { code: 'model_unavailable', retryable: true }],
      ['cut', { code: 'model_unavailable', retryable: true }],
    ])('rejects %s with %o after one request', async (scene, failure) => {
      await expect(answerTo(scene)).rejects.toMatchObject({ name: 'GatewayError', ...failure })
      expect(backend.requests()).toBe(1)
    })

    it('is final for a wrong key, which stands in no message', async () => {
      backend.play('wrong-key')
      const refused = backend.client({ apiKey: 'AIzaSy-a-wrong-key' }).generate(REQUEST)
      await expect(refused).rejects.toMatchObject({ code: 'model_refused_key', retryable: false })
      await expect(refused).rejects.not.toThrow(/wrong-key/)
    })

    it('is final for a model that is not served, and says which', async () => {
      const refused = answerTo('unknown-model', { model: 'gemini-1-old' })
      await expect(refused).rejects.toMatchObject({ code: 'model_rejected_request', retryable: false })
      await expect(refused).rejects.toThrow('gemini-1-old is not found')
    })

    it('gives up a silent connection after the limit', async () => {
      backend.play('hang')
      const client = backend.client({ silenceLimitMs: 100 })
      await expect(client.generate(REQUEST)).rejects.toMatchObject({ code: 'model_unavailable', retryable: true })
    })

    it('stops at the caller’s signal with the caller’s reason', async () => {
      const controller = new AbortController()
      const stopped = answerTo('hang', { signal: controller.signal })
      await vi.waitFor(() => expect(backend.requests()).toBe(1))
      controller.abort(new Error('the seat ended'))
      await expect(stopped).rejects.toThrow('the seat ended')
    })

    it('sends nothing when the signal was given before', async () => {
      await expect(answerTo('text', { signal: AbortSignal.abort(new Error('too late')) })).rejects.toThrow('too late')
      expect(backend.requests()).toBe(0)
    })

    it('serves the next request after any of these', async () => {
      for (const scene of ['reset', 'cut', 'overloaded', 'stream-error'] as const)
        await answerTo(scene).catch(() => undefined)
      expect(textOf(await answerTo('text'))).toBe(TEXT)
    })
  })

  it('names the key in no failure at all', async () => {
    const scenes: readonly SceneName[] = [
      'overloaded',
      'internal',
      'stream-error',
      'rate-limited',
      'reset',
      'cut',
      'unknown-model',
    ]
    for (const scene of scenes) {
      const failure: unknown = await answerTo(scene, scene === 'unknown-model' ? { model: 'gemini-1-old' } : {}).catch(
        (error: unknown) => error,
      )
      expect(String(failure)).not.toContain(KEY)
    }
  })
})
