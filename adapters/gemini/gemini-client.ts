import { GoogleGenAI, type GenerateContentConfig, type GenerateContentParameters } from '@google/genai'
import type { ModelAnswer, ModelClient, ModelRequest } from '../../domain/ports/model.ts'
import { AnswerCollector } from './answer-collector.ts'
import { modelErrorOf } from './model-error.ts'

/** No byte for so long means the connection is dead: thinking models answer or stream thoughts well before. */
export const SILENCE_LIMIT_MS = 180_000

/** What the client needs of the configuration; `baseUrl` is `GOOGLE_GEMINI_BASE_URL`. */
export interface GeminiOptions {
  readonly apiKey?: string | undefined
  readonly baseUrl?: string | undefined
  readonly vertex?: { readonly project?: string | undefined; readonly location?: string | undefined } | undefined
  readonly silenceLimitMs?: number
}

/**
 * Gemini through `@google/genai`. Turns with tools are streamed and put together part by part, JSON answers come
 * whole. It never retries by itself: Temporal does, knowing what the service said about when.
 */
export function createGeminiClient(options: GeminiOptions): ModelClient {
  const gemini = new GoogleGenAI({
    ...(options.apiKey !== undefined && { apiKey: options.apiKey }),
    // Said in any case: the SDK would look for it in the environment.
    vertexai: options.vertex !== undefined,
    ...(options.vertex && withoutUndefined(options.vertex)),
    ...(options.baseUrl !== undefined && { httpOptions: { baseUrl: options.baseUrl } }),
  })
  return {
    async generate(request) {
      const silence = new SilenceTimer(options.silenceLimitMs ?? SILENCE_LIMIT_MS, request.signal)
      try {
        return await answer(gemini, request, silence)
      } catch (error) {
        if (request.signal?.aborted) throw request.signal.reason
        throw modelErrorOf(silence.expired ? new Error('no byte arrived in time') : error, options.apiKey)
      } finally {
        silence.stop()
      }
    },
  }
}

async function answer(gemini: GoogleGenAI, request: ModelRequest, silence: SilenceTimer): Promise<ModelAnswer> {
  const collector = new AnswerCollector(request.model)
  const parameters = parametersOf(request, silence)
  if (request.jsonSchema) collector.add(await gemini.models.generateContent(parameters))
  else
    try {
      for await (const chunk of await gemini.models.generateContentStream(parameters)) collector.add(chunk)
    } catch (error) {
      // What breaks after the last word takes nothing away; asking again would pay twice.
      if (!collector.isWhole || request.signal?.aborted) throw error
    }
  return collector.answer()
}

function parametersOf(request: ModelRequest, silence: SilenceTimer): GenerateContentParameters {
  const config: GenerateContentConfig = {
    systemInstruction: request.systemInstruction,
    abortSignal: silence.signal,
    // The SDK rebuilds parts: other order of keys, fields it does not know left out. They go out as they came in.
    // What it is given as contents is only replaced: a whole conversation would be built, written and read for nothing.
    httpOptions: { extraBody: { contents: request.contents }, fetch: silence.fetch },
    ...(request.tools && { tools: [{ functionDeclarations: request.tools.map((tool) => ({ ...tool })) }] }),
    ...(request.jsonSchema && { responseMimeType: 'application/json', responseJsonSchema: request.jsonSchema }),
  }
  return {
    model: request.model,
    contents: 'replaced by extraBody',
    config,
  }
}

const withoutUndefined = <T extends object>(value: T): { [K in keyof T]: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as {
    [K in keyof T]: NonNullable<T[K]>
  }

/** Aborts a call on which nothing happens; joins the caller's own signal. */
class SilenceTimer {
  expired = false
  private readonly controller = new AbortController()
  private readonly giveUp = (): void => this.controller.abort()
  private timer: NodeJS.Timeout
  private stopped = false

  constructor(
    private readonly limitMs: number,
    private readonly outer: globalThis.AbortSignal | undefined,
  ) {
    // Not `AbortSignal.any`: the SDK goes on listening to it, and Node keeps such a signal with all that hangs on it.
    outer?.addEventListener('abort', this.giveUp)
    if (outer?.aborted === true) this.giveUp()
    this.timer = this.start()
  }

  get signal(): globalThis.AbortSignal {
    return this.controller.signal
  }

  /** Fetches in sight of the timer: every byte starts it anew. */
  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const response = await fetch(input, init)
    this.restart()
    if (!response.body) return response
    const seen = new TransformStream<Uint8Array, Uint8Array>({
      transform: (bytes, controller) => {
        this.restart()
        controller.enqueue(bytes)
      },
    })
    return new Response(response.body.pipeThrough(seen), response)
  }

  /** Ends the watch, and whatever of the answer nobody reads any more. */
  stop(): void {
    this.stopped = true
    clearTimeout(this.timer)
    this.outer?.removeEventListener('abort', this.giveUp)
    this.giveUp()
  }

  private restart(): void {
    clearTimeout(this.timer)
    if (this.stopped) return
    this.timer = this.start()
  }

  private start(): NodeJS.Timeout {
    return setTimeout(() => {
      this.expired = true
      this.giveUp()
    }, this.limitMs)
  }
}
