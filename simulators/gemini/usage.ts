import { hash } from 'node:crypto'
import type { ModelTraits } from './models.ts'
import type { GenerateContentBody } from './request.ts'
import type { ScriptedTurn, ScriptedUsage } from './script.ts'

/** Four bytes make a token: near enough to the real tokenizer for English and code, and anybody can recount it. */
const BYTES_PER_TOKEN = 4
/** The implicit cache knows prompts by blocks of so many bytes (256 tokens). */
const BLOCK_BYTES = 1_024
/** Length of a block's key, a SHA-1 in hex, and of a model's name at most. */
const KEY_BYTES = 40
/** Oldest blocks are forgotten beyond this: about 200 MB of distinct prompt. */
const MAX_BLOCKS = 200_000
/** What a thinking model spends on thoughts unless the script says otherwise. */
const THOUGHT_TOKENS = 40

/** `usageMetadata` as the service sends it. */
export interface UsageMetadata {
  promptTokenCount: number
  cachedContentTokenCount?: number
  candidatesTokenCount?: number
  thoughtsTokenCount?: number
  toolUsePromptTokenCount?: number
  totalTokenCount: number
  promptTokensDetails: { modality: string; tokenCount: number }[]
}

export const tokensOf = (text: string): number => Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN)

/** The prompt as the model reads it: what rarely changes comes first, so that conversations share a prefix. */
const promptOf = ({ systemInstruction, tools, contents }: Partial<GenerateContentBody>): string[] =>
  [systemInstruction, tools, contents].flatMap((part) => (part === undefined ? [] : JSON.stringify(part)))

/** How many tokens a prompt has. */
export const promptTokens = (body: Partial<GenerateContentBody>): number => tokensOf(promptOf(body).join(''))

/** The implicit cache: what share of a prompt has been a prefix of an answered prompt before. */
export class PrefixCache {
  private readonly blocks = new Set<string>()
  /** Holds the prompt that is being measured; kept, because prompts are large and come one after the other. */
  private scratch = Buffer.alloc(0)

  /** Measures a prompt and remembers it. Counts are in tokens. */
  admit(body: GenerateContentBody, { name, cacheFromTokens }: ModelTraits): { prompt: number; cached: number } {
    const prompt = this.bytesOf(promptOf(body))
    // Each block is hashed together with the key of all before it, so equal keys mean equal prefixes.
    const block = Buffer.alloc(KEY_BYTES + BLOCK_BYTES)
    block.write(name)
    let known = 0
    let inPrefix = true
    for (let end = BLOCK_BYTES; end <= prompt.length; end += BLOCK_BYTES) {
      prompt.copy(block, KEY_BYTES, end - BLOCK_BYTES, end)
      const key = hash('sha1', block, 'hex')
      block.write(key)
      inPrefix &&= this.blocks.has(key)
      if (inPrefix) known = end
      else this.remember(key)
    }
    const cached = known / BYTES_PER_TOKEN
    return { prompt: Math.ceil(prompt.length / BYTES_PER_TOKEN), cached: cached >= cacheFromTokens ? cached : 0 }
  }

  private bytesOf(texts: readonly string[]): Buffer {
    // No character of UTF-16 takes more than three bytes in UTF-8.
    const most = texts.reduce((sum, { length }) => sum + 3 * length, 0)
    if (this.scratch.length < most) this.scratch = Buffer.allocUnsafeSlow(2 * most)
    const length = texts.reduce((offset, text) => offset + this.scratch.write(text, offset), 0)
    return this.scratch.subarray(0, length)
  }

  private remember(key: string): void {
    this.blocks.add(key)
    if (this.blocks.size <= MAX_BLOCKS) return
    for (const oldest of this.blocks) {
      this.blocks.delete(oldest)
      return
    }
  }
}

/** The counts of a whole answer: counted, unless the script gives them. */
export function usageOf(counted: {
  prompt: number
  cached: number
  candidates: number
  thinks: boolean
  scripted: ScriptedTurn['usage']
}): ScriptedUsage {
  const { scripted = {} } = counted
  const promptTokenCount = scripted.promptTokenCount ?? counted.prompt
  return {
    promptTokenCount,
    cachedContentTokenCount: Math.min(scripted.cachedContentTokenCount ?? counted.cached, promptTokenCount),
    candidatesTokenCount: scripted.candidatesTokenCount ?? counted.candidates,
    thoughtsTokenCount: scripted.thoughtsTokenCount ?? (counted.thinks ? THOUGHT_TOKENS : 0),
    toolUsePromptTokenCount: scripted.toolUsePromptTokenCount ?? 0,
  }
}

/** `usageMetadata` of a chunk: the running total when `share` (0..1) of the candidate has been sent. Zeros are left out. */
export function usageMetadataOf(usage: ScriptedUsage, share = 1): UsageMetadata {
  const candidates = Math.ceil(usage.candidatesTokenCount * share)
  const { promptTokenCount, cachedContentTokenCount, thoughtsTokenCount, toolUsePromptTokenCount } = usage
  return {
    promptTokenCount,
    ...(cachedContentTokenCount > 0 && { cachedContentTokenCount }),
    ...(candidates > 0 && { candidatesTokenCount: candidates }),
    ...(thoughtsTokenCount > 0 && { thoughtsTokenCount }),
    ...(toolUsePromptTokenCount > 0 && { toolUsePromptTokenCount }),
    totalTokenCount: promptTokenCount + candidates + thoughtsTokenCount + toolUsePromptTokenCount,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: promptTokenCount }],
  }
}
