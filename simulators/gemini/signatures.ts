import { hash, randomBytes } from 'node:crypto'
import { canonicalJson } from './canonical.ts'
import { invalidArgument, type Refusal } from './errors.ts'
import { textOf, type Content, type Edition, type FunctionCall, type Part } from './request.ts'

/** What the ledger says about the model signatures of a request. */
export type SignatureVerdict = 'none' | 'verified' | 'sentinel' | 'missing' | 'corrupted'

/** Stand for a signature in a history another model wrote. Vertex knows the first one only. */
const SENTINELS: Readonly<Record<Edition, ReadonlySet<string>>> = {
  gemini: new Set(['skip_thought_signature_validator', 'context_engineering_is_the_way_to_go']),
  vertex: new Set(['skip_thought_signature_validator']),
}

const POSITION_BYTES = 6
const SEAL_BYTES = 24
const CALL_ID = /^call_([0-9a-f]{12})([0-9a-f]{8})$/

/**
 * Makes and checks model signatures and call ids without remembering any: each carries the position of the request that
 * got it and a seal over what it belongs to, so it is verified by doing the sum again. The same seed gives the same
 * signatures in another process.
 */
export class Signer {
  private readonly secret: string

  constructor(seed: string | undefined) {
    this.secret = seed ?? randomBytes(32).toString('hex')
  }

  /** Names the place of a request: same model, same turn, same words of the user → same position. */
  positionOf(request: { model: string; turn: number; text: string }): Buffer {
    return this.seal(['position', request.model, request.turn, request.text]).subarray(0, POSITION_BYTES)
  }

  /** The id of a call. It also says whether the function was declared when the model called it. */
  callId(call: { position: Buffer; ordinal: number; name: string; declared: boolean }): string {
    const position = call.position.toString('hex')
    return `call_${position}${this.idSeal({ ...call, position })}`
  }

  /** Whether this very call was answered by us to a request that did not declare the function. */
  wasUndeclared({ id, name, ordinal }: { id: string; name: string; ordinal: number }): boolean {
    const [, position, seal] = CALL_ID.exec(id) ?? []
    return position !== undefined && seal === this.idSeal({ position, ordinal, name, declared: false })
  }

  /** Signs a function call: bound to model, id, name and arguments. */
  signCall({ model, position, call }: { model: string; position: Buffer; call: FunctionCall }): string {
    return this.sign(position, callPayload(model, call))
  }

  /** Signs the part that closes a text answer: bound to its own text and to the whole text of the content. */
  signText({ model, position, part, text }: { model: string; position: Buffer; part: string; text: string }): string {
    return this.sign(position, textPayload(model, part, text))
  }

  /** The token that continues an answer which was too long for one request. */
  continuationToken(model: string, position: Buffer): string {
    return this.sign(position, ['continuation', model])
  }

  /** Whether we issued this token for this request. */
  isContinuationToken(token: string, { model, position }: { model: string; position: Buffer }): boolean {
    return token === this.continuationToken(model, position)
  }

  /** Whether we issued this signature for this part of this content. */
  verifies({ model, part, content }: { model: string; part: Part; content: Content }): boolean {
    const given = Buffer.from(part.thoughtSignature ?? '', 'base64')
    if (given.length !== POSITION_BYTES + SEAL_BYTES) return false
    const payload = part.functionCall
      ? callPayload(model, part.functionCall)
      : textPayload(model, part.text ?? '', textOf(content))
    return part.thoughtSignature === this.sign(given.subarray(0, POSITION_BYTES), payload)
  }

  private sign(position: Buffer, payload: unknown[]): string {
    const seal = this.seal(['signature', position.toString('hex'), ...payload]).subarray(0, SEAL_BYTES)
    return Buffer.concat([position, seal]).toString('base64')
  }

  private idSeal(call: { position: string; ordinal: number; name: string; declared: boolean }): string {
    return this.seal(['call', call.position, call.ordinal, call.name, call.declared]).toString('hex').slice(0, 8)
  }

  private seal(payload: unknown[]): Buffer {
    return hash('sha256', JSON.stringify([this.secret, ...payload]), 'buffer')
  }
}

const callPayload = (model: string, call: FunctionCall): unknown[] => [
  'call',
  model,
  call.id,
  call.name,
  canonicalJson(call.args ?? {}),
]

const textPayload = (model: string, part: string, text: string): unknown[] => ['text', model, part, text]

interface SignedRequest {
  readonly contents: readonly Content[]
  readonly model: string
  readonly edition: Edition
  readonly signer: Signer
}

/**
 * Judges the signatures of a Gemini 3 or later request; a missing or corrupted one comes with its refusal. Only the
 * current turn (what follows the user's last own words) must have its signatures; those that are there must be ours.
 */
export function judgeSignatures(request: SignedRequest): { verdict: SignatureVerdict; refusal?: Refusal } {
  const { contents, edition, signer } = request
  const currentTurn = startOfCurrentTurn(contents)
  let verdict: SignatureVerdict = 'none'
  for (const [index, content] of contents.entries()) {
    if (content.role !== 'model') continue
    const first = content.parts.find((part) => part.functionCall)
    if (index > currentTurn && first && first.thoughtSignature === undefined)
      return { verdict: 'missing', refusal: missing(edition, first.functionCall?.name ?? '', index + 1) }
    for (const part of content.parts) {
      if (part.thoughtSignature === undefined) continue
      if (SENTINELS[edition].has(part.thoughtSignature)) verdict = 'sentinel'
      else if (!signer.verifies({ ...request, part, content }))
        return { verdict: 'corrupted', refusal: corrupted(edition, index, part) }
      else if (verdict === 'none') verdict = 'verified'
    }
  }
  return { verdict }
}

/** The user's last content that is not an answer to function calls. */
const startOfCurrentTurn = (contents: readonly Content[]): number =>
  contents.findLastIndex(({ role, parts }) => role !== 'model' && parts.some((part) => !part.functionResponse))

const missing = (edition: Edition, name: string, position: number): Refusal =>
  invalidArgument(
    edition === 'gemini'
      ? `Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call \`default_api:${name}\` , position ${position}. Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details.`
      : `Unable to submit request because function call \`default_api:${name}\` in the ${position}. content block is missing a \`thought_signature\`. Learn more: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/thought-signatures`,
  )

const corrupted = (edition: Edition, index: number, part: Part): Refusal =>
  invalidArgument(
    edition === 'gemini' ? 'Corrupted thought signature.' : 'Invalid thought signature.',
    `contents[${index}]: not issued for this ${part.functionCall ? `call of ${part.functionCall.name ?? ''}` : 'text'}`,
  )
