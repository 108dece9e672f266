import { createGeminiClient, type GeminiOptions } from '../../adapters/gemini/gemini-client.ts'
import type { ModelClient, ModelRequest } from '../../domain/ports/model.ts'
import type { Fault, ScriptedTurn } from '../../simulators/gemini/script.ts'
import { startGeminiSimulator } from '../../simulators/gemini/server.ts'
import { chunkOf, cutEvery, eventsOf, jsonAnswer, startRawModelServer, type RawAnswer } from './raw-model-server.ts'

export const MODEL = 'gemini-3.1-pro-preview'
export const KEY = 'AIzaSy-the-only-right-key'

/** A request as small as they come. */
export const REQUEST: ModelRequest = {
  model: MODEL,
  systemInstruction: 'You are brief.',
  contents: [{ role: 'user', parts: [{ text: 'hello' }] }],
  tools: [
    { name: 'read_file', description: 'Read.', parametersJsonSchema: { type: 'object' } },
    { name: 'glob', description: 'Find.', parametersJsonSchema: { type: 'object' } },
  ],
}

/** Something a model does, told twice: to the strict simulator, and as the bytes of a stand-in that checks nothing. */
interface Scene {
  readonly turn?: ScriptedTurn
  readonly fault?: Fault
  readonly raw: readonly RawAnswer[]
}

export const TEXT = 'Die Prüfung läuft – fertig ✓ 🚀, ganz ohne Fehler.'
const USAGE = { promptTokenCount: 100, cachedContentTokenCount: 20, thoughtsTokenCount: 5, toolUsePromptTokenCount: 7 }
const usage = (candidatesTokenCount: number) => ({ usageMetadata: { ...USAGE, candidatesTokenCount } })
const STOP = { finishReason: 'STOP', ...usage(10) }
const SIGNATURE = 'EjQKMgEMOdbHQ0eP+Kz/aw=='
const LONG_TEXT = 'One half of the answer here, the other half of the answer there.'
const half = LONG_TEXT.length / 2
const stream = (...chunks: readonly object[]): RawAnswer => ({ pieces: [eventsOf(...chunks)] })
const ended = (finishReason: string, parts: readonly object[] = []) => stream(chunkOf(parts, { finishReason }))
const CALLS = [
  { name: 'read_file', args: { file_path: 'src/größe.ts', start_line: 1 } },
  { name: 'glob', args: { pattern: '**/*.ts' } },
]
const textEvents = eventsOf(
  chunkOf([{ text: TEXT.slice(0, 9) }], usage(2)),
  chunkOf([{ text: TEXT.slice(9) }], usage(9)),
  chunkOf([{ text: '', thoughtSignature: SIGNATURE }], STOP),
)
const refusal = (code: number, message: string, details: readonly object[] = []) =>
  jsonAnswer(code, { error: { code, message, status: 'STATUS', details } })
const quota = (period: string): readonly object[] => [
  {
    '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
    violations: [{ quotaId: `GenerateRequests${period}PerProjectPerModel`, quotaValue: '60' }],
  },
  { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1s' },
]
const OVERLOADED = { error: { code: 503, status: 'UNAVAILABLE', message: 'The model is overloaded.' } }

const SCENES = {
  text: { turn: { text: TEXT, usage: { ...USAGE, candidatesTokenCount: 10 } }, raw: [{ pieces: [textEvents] }] },
  calls: {
    turn: { text: 'I read.', calls: CALLS },
    raw: [
      stream(
        chunkOf([{ text: 'I read.' }]),
        chunkOf([{ functionCall: { id: 'call_1', ...CALLS[0] }, thoughtSignature: SIGNATURE }]),
        chunkOf([{ functionCall: { id: 'call_2', ...CALLS[1] } }], STOP),
      ),
    ],
  },
  json: { turn: { text: '{"title":"Prüfe"}' }, raw: [jsonAnswer(200, chunkOf([{ text: '{"title":"Prüfe"}' }], STOP))] },
  continuation: {
    turn: { text: LONG_TEXT, finishReason: 'CONTINUATION' },
    raw: [
      stream({
        candidates: [
          {
            content: { role: 'model', parts: [{ text: LONG_TEXT.slice(0, half) }] },
            finishReason: 'CONTINUATION',
            continuationToken: 'Y29udGludWU=',
          },
        ],
      }),
      stream(chunkOf([{ text: LONG_TEXT.slice(half) }, { text: '', thoughtSignature: SIGNATURE }], STOP)),
    ],
  },
  safety: { fault: 'safety', raw: [ended('SAFETY')] },
  empty: { fault: 'empty', raw: [ended('STOP')] },
  'max-tokens': { fault: 'max-tokens', raw: [ended('MAX_TOKENS', [{ text: '' }])] },
  'malformed-call': { fault: 'malformed-call', raw: [ended('MALFORMED_FUNCTION_CALL')] },
  blocked: { fault: 'blocked', raw: [stream({ promptFeedback: { blockReason: 'SAFETY' }, ...usage(0) })] },
  'no-candidates': { fault: 'no-candidates', raw: [stream(usage(0))] },
  overloaded: { fault: 'overloaded', raw: [jsonAnswer(503, OVERLOADED)] },
  internal: { fault: 'internal', raw: [refusal(500, 'An internal error has occurred.')] },
  'rate-limited': {
    fault: 'rate-limited',
    raw: [refusal(429, 'Quota exceeded.', quota('PerMinute'))],
  },
  'quota-exhausted': {
    fault: 'quota-exhausted',
    raw: [refusal(429, 'Quota exceeded.', quota('PerDay'))],
  },
  'wrong-key': {
    raw: [
      refusal(400, 'API key not valid. Please pass a valid API key.', [
        { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' },
      ]),
    ],
  },
  'unknown-model': { raw: [refusal(404, 'models/gemini-1-old is not found for API version v1beta')] },
  'stream-error': { fault: 'stream-error', raw: [stream(chunkOf([{ text: TEXT.slice(0, 9) }]), OVERLOADED)] },
  reset: { fault: 'reset', raw: [{ pieces: [], ending: 'reset' }] },
  cut: { fault: 'cut', raw: [{ pieces: cutEvery(60, textEvents).slice(0, 3), ending: 'reset' }] },
  hang: { fault: 'hang', raw: [{ pieces: [], ending: 'silence' }] },
} as const satisfies Readonly<Record<string, Scene>>

export type SceneName = keyof typeof SCENES

/** A running stand-in for the service. */
export interface ModelBackend {
  /** A client of it. */
  client(options?: Partial<GeminiOptions>): ModelClient
  /** The next request is answered like this. */
  play(scene: SceneName): void
  /** Requests so far. */
  requests(): number
  /** Throws when a request broke the protocol, as far as the backend can tell. */
  checkProtocol(): void
  close(): Promise<void>
}

const clientOf =
  (baseUrl: string) =>
  (options: Partial<GeminiOptions> = {}) =>
    createGeminiClient({ apiKey: KEY, baseUrl, ...options })

/** What a client of the model meets in production, in two editions. */
export const MODEL_BACKENDS: Readonly<Record<string, () => Promise<ModelBackend>>> = {
  async 'the strict simulator'() {
    let turn: ScriptedTurn = {}
    const simulator = await startGeminiSimulator({ script: () => turn, apiKeys: [KEY] })
    return {
      client: clientOf(simulator.url),
      play(name) {
        const scene: Scene = SCENES[name]
        turn = scene.turn ?? { text: TEXT }
        if (scene.fault) simulator.failNext(scene.fault)
      },
      requests: () => simulator.ledger.length,
      checkProtocol() {
        const violations = simulator.ledger.filter(({ status }) => status >= 400 && status <= 404)
        if (violations.length > 0) throw new Error(JSON.stringify(violations))
      },
      close: simulator.close,
    }
  },
  async 'raw bytes'() {
    const server = await startRawModelServer()
    return {
      client: clientOf(server.url),
      play: (name) => server.answer(...SCENES[name].raw),
      requests: () => server.requests.length,
      checkProtocol: () => undefined,
      close: server.close,
    }
  },
}
