/**
 * One part of a Gemini content, kept exactly as the model sent it: order of keys, empty text and
 * `thoughtSignature` (the *model signature*) included. Gemini refuses a turn whose signature changed by a byte.
 */
export interface ModelPart {
  readonly text?: string
  readonly thought?: boolean
  readonly thoughtSignature?: string
  /** A file; `data` is base64. */
  readonly inlineData?: { readonly mimeType: string; readonly data: string }
  readonly functionCall?: { readonly id?: string; readonly name?: string; readonly args?: Record<string, unknown> }
  readonly functionResponse?: {
    readonly id?: string
    readonly name: string
    readonly response: Record<string, unknown>
  }
}

/** One content of a Gemini conversation. */
export interface ModelContent {
  readonly role: 'user' | 'model'
  readonly parts: readonly ModelPart[]
}

/** Tokens of one answered model call, from the model's own `usageMetadata`. */
export interface TokenUsage {
  /** Whole prompt, cached part included. */
  readonly inputTokens: number
  readonly outputTokens: number
  readonly thoughtTokens: number
  readonly cachedTokens: number
}

/** A tool call of a turn as the workflow sees it: references only, never arguments or outputs. */
export interface ToolCallReference {
  readonly turn: number
  /** Place among the calls of the turn, from 0. */
  readonly position: number
  readonly name: string
  /** A few words for the Temporal Web UI, at most 120 characters. */
  readonly summary: string
}
