import type { GenerateContentResponse, GenerateContentResponseUsageMetadata } from '@google/genai'
import type { ModelPart, TokenUsage } from '../../domain/conversation.ts'
import type { ModelAnswer } from '../../domain/ports/model.ts'

/**
 * Puts the chunks of an answer together. Only plain text is joined; a part with a model signature stays a part of its
 * own, empty text included: Gemini refuses signatures that moved (Gemini API, thought signatures).
 */
export class AnswerCollector {
  private readonly parts: ModelPart[] = []
  private finishReason = ''
  private usage: GenerateContentResponseUsageMetadata | undefined

  constructor(private readonly model: string) {}

  add(chunk: GenerateContentResponse): void {
    const candidate = chunk.candidates?.[0]
    for (const part of candidate?.content?.parts ?? []) this.addPart(part as ModelPart)
    if (candidate?.finishReason) this.finishReason = candidate.finishReason
    if (chunk.promptFeedback?.blockReason) this.finishReason = `BLOCKED:${chunk.promptFeedback.blockReason}`
    // Every chunk carries the running total: the last one counts, a sum would pay twice.
    if (chunk.usageMetadata) this.usage = chunk.usageMetadata
  }

  /** Whether the model said why it ended. */
  get isWhole(): boolean {
    return this.finishReason !== ''
  }

  /** The whole answer; throws when it broke off in the middle, or when nothing came that is an answer. */
  answer(): ModelAnswer {
    if (!this.isWhole && this.parts.length > 0) throw new Error('the stream ended before the answer did')
    if (!this.isWhole && !this.usage) throw new Error('what came back is no answer of Gemini')
    return {
      model: this.model,
      parts: this.parts,
      finishReason: this.finishReason || 'NONE',
      usage: usageOf(this.usage),
    }
  }

  private addPart(part: ModelPart): void {
    const last = this.parts.at(-1)
    if (last && isPlainText(last) && isPlainText(part) && last.thought === part.thought)
      this.parts[this.parts.length - 1] = { ...last, text: `${last.text}${part.text}` }
    else this.parts.push(part)
  }
}

const isPlainText = (part: ModelPart): boolean =>
  part.text !== undefined && Object.keys(part).every((key) => key === 'text' || key === 'thought')

const usageOf = (usage: GenerateContentResponseUsageMetadata | undefined): TokenUsage => ({
  inputTokens: (usage?.promptTokenCount ?? 0) + (usage?.toolUsePromptTokenCount ?? 0),
  outputTokens: usage?.candidatesTokenCount ?? 0,
  thoughtTokens: usage?.thoughtsTokenCount ?? 0,
  cachedTokens: usage?.cachedContentTokenCount ?? 0,
})
