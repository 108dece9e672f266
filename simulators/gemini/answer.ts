import type { ModelTraits } from './models.ts'
import { declarationsOf, type GenerateContentBody, type Part } from './request.ts'
import type { Fault, ScriptedTurn, ScriptedUsage } from './script.ts'
import type { Signer } from './signatures.ts'
import { tokensOf, usageOf } from './usage.ts'

/** What the model answers, before it is cut into chunks. */
export interface Answer {
  readonly model: string
  readonly responseId: string
  /** Absent when there is no candidate at all. */
  readonly candidate?: Candidate
  readonly blockReason?: string
  readonly usage: ScriptedUsage
}

export interface Candidate {
  readonly parts: readonly Part[]
  readonly finishReason: string
  readonly finishMessage?: string
  readonly continuationToken?: string
}

/** All that an answer is made from. */
interface AnswerSource {
  readonly turn: ScriptedTurn
  readonly fault: Fault | undefined
  readonly body: GenerateContentBody
  readonly traits: ModelTraits
  readonly signer: Signer
  readonly position: Buffer
  /** The prompt's tokens, and how many of them the cache knew. */
  readonly counted: { readonly prompt: number; readonly cached: number }
}

/** Lets the scripted model speak. */
export function answerOf(source: AnswerSource): Answer {
  const { turn, fault, body, traits, position, counted } = source
  const candidate = faultyCandidate(fault) ?? spokenCandidate(source)
  const silent = fault === 'no-candidates' || fault === 'blocked'
  const usage = usageOf({
    ...counted,
    candidates: silent ? 0 : candidate.parts.reduce((sum, part) => sum + outputTokens(part), 0),
    thinks: !silent && body.generationConfig?.thinkingConfig?.thinkingBudget !== 0,
    scripted: silent ? undefined : turn.usage,
  })
  return {
    model: traits.name,
    responseId: `response_${position.toString('hex')}`,
    ...(!silent && { candidate }),
    ...(fault === 'blocked' && { blockReason: 'SAFETY' }),
    usage,
  }
}

/** Thoughts are counted apart. */
function outputTokens({ text = '', functionCall, thought }: Part): number {
  if (thought === true) return 0
  return functionCall ? tokensOf(JSON.stringify(functionCall)) : tokensOf(text)
}

/** The candidates that end before they say anything. */
function faultyCandidate(fault: Fault | undefined): Candidate | undefined {
  switch (fault) {
    case 'empty':
      return { parts: [], finishReason: 'STOP' }
    case 'safety':
      return { parts: [], finishReason: 'SAFETY' }
    case 'max-tokens':
      return { parts: [{ text: '' }], finishReason: 'MAX_TOKENS' }
    case 'malformed-call':
      return {
        parts: [],
        finishReason: 'MALFORMED_FUNCTION_CALL',
        finishMessage: 'Malformed function call: call:default_api:{',
      }
    default:
      return undefined
  }
}

function spokenCandidate(source: AnswerSource): Candidate {
  const { turn, fault, body, traits, signer, position } = source
  const text = fault === 'not-json' ? brokenJson(turn.text ?? '') : (turn.text ?? '')
  const includesThoughts = body.generationConfig?.thinkingConfig?.includeThoughts === true
  const thoughts: Part[] = turn.thought !== undefined && includesThoughts ? [{ text: turn.thought, thought: true }] : []
  const isFirstHop = turn.finishReason === 'CONTINUATION' && body.continuationToken === undefined
  const half = text.slice(0, Math.ceil(text.length / 2))
  if (isFirstHop)
    return {
      parts: [...thoughts, { text: half }],
      finishReason: 'CONTINUATION',
      continuationToken: signer.continuationToken(traits.name, position),
    }
  const isLastHop = turn.finishReason === 'CONTINUATION'
  const spoken = isLastHop ? text.slice(half.length) : text
  const calls = callParts(source)
  return {
    parts: [
      ...(isLastHop ? [] : thoughts),
      ...(spoken === '' ? [] : [{ text: spoken }]),
      ...(calls.length > 0 ? calls : closingParts(source, { text, spoken })),
    ],
    finishReason: isLastHop ? 'STOP' : (turn.finishReason ?? 'STOP'),
  }
}

/** From Gemini 3 on the first call of a content is signed, and no other. */
function callParts({ turn, body, traits, signer, position }: AnswerSource): Part[] {
  if (!turn.calls?.length) return []
  const declared = new Set(declarationsOf(body).map(({ name }) => name))
  return turn.calls.map(({ name, args }, ordinal) => {
    const id = signer.callId({ position, ordinal, name, declared: declared.has(name) })
    const call = { id, name, args }
    if (ordinal > 0 || traits.generation === 2) return { functionCall: call }
    return { functionCall: call, thoughtSignature: signer.signCall({ model: traits.name, position, call }) }
  })
}

/** A text answer ends with a part that has a signature and no text; before Gemini 3 only silence needs a part. */
function closingParts(
  { traits, signer, position }: AnswerSource,
  { text, spoken }: { text: string; spoken: string },
): Part[] {
  if (traits.generation === 2) return spoken === '' ? [{ text: '' }] : []
  return [{ text: '', thoughtSignature: signer.signText({ model: traits.name, position, part: '', text }) }]
}

/** What models say instead of JSON: a fence around it, and an end that is missing. */
const brokenJson = (text: string): string => `\`\`\`json\n${text.slice(0, Math.ceil(text.length / 2))}`
