import type { ModelContent, ModelPart, TokenUsage } from '../conversation.ts'
import { GatewayError } from '../errors.ts'

/** A function the model may call, in Gemini's own form. */
export interface ToolDeclaration {
  readonly name: string
  readonly description: string
  readonly parametersJsonSchema: Readonly<Record<string, unknown>>
}

export interface ModelRequest {
  readonly model: string
  readonly systemInstruction: string
  readonly contents: readonly ModelContent[]
  readonly tools?: readonly ToolDeclaration[]
  /** Asks for one JSON document of this JSON Schema instead of text and calls. */
  readonly jsonSchema?: Readonly<Record<string, unknown>>
  readonly signal?: AbortSignal
}

/** An answered call. It costs money whatever it is worth. */
export interface ModelAnswer {
  /** The model that answered. */
  readonly model: string
  /** Every part as it came, empty ones and model signatures included. Empty when the answer was blocked. */
  readonly parts: readonly ModelPart[]
  /** Gemini's own word (`STOP`, `MAX_TOKENS`, `SAFETY` …); `BLOCKED:<reason>` when the prompt was refused. */
  readonly finishReason: string
  readonly usage: TokenUsage
}

/**
 * The model. `generate` resolves for every answered call and rejects with a {@link GatewayError} when none came:
 * `model_overloaded`, `model_quota_exhausted`, `model_unavailable` (retryable, with `retryAfterMs` when the service
 * said so), `model_refused_key`, `model_rejected_request`, `model_not_configured` (final).
 */
export interface ModelClient {
  generate(request: ModelRequest): Promise<ModelAnswer>
}

/** Stands where no credential is configured. */
export const modelNotConfigured: ModelClient = {
  generate: () =>
    Promise.reject(
      new GatewayError(
        'model_not_configured',
        'No Gemini credential is configured, so no task can be worked on. Set GEMINI_API_KEY (or GEMINI_API_KEY_FILE) and start the gateway again.',
      ),
    ),
}

/** Why an answer cannot be used, or undefined when it can. */
export function faultOf(answer: ModelAnswer): GatewayError | undefined {
  const { finishReason, parts } = answer
  if (
    finishReason.startsWith('BLOCKED:') ||
    ['SAFETY', 'PROHIBITED_CONTENT', 'BLOCKLIST', 'SPII', 'RECITATION'].includes(finishReason)
  )
    return new GatewayError('model_blocked', `The model refused to answer (${finishReason}). Rephrase the task.`)
  const usable = parts.some((part) => part.functionCall !== undefined || (part.text ?? '').trim() !== '')
  if (finishReason === 'STOP' && usable) return undefined
  if (finishReason === 'MAX_TOKENS' && parts.some((part) => part.functionCall !== undefined)) return undefined
  return new GatewayError(
    'model_malformed',
    `The model's answer was ${usable ? 'cut' : 'empty'} (${finishReason}). It is asked again a few times; retry the task if this goes on.`,
    { retryable: true },
  )
}
