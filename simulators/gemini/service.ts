import { answerOf } from './answer.ts'
import { streamedResponses, wholeResponse } from './chunks.ts'
import { embed } from './embeddings.ts'
import { invalidArgument, notFound } from './errors.ts'
import { breakageOf, FaultPlan, refusalOf, type Breakage } from './faults.ts'
import type { LedgerEntry } from './ledger.ts'
import { modelList, modelResource, traitsOf, type ModelTraits } from './models.ts'
import { textOf, type GenerateContentBody } from './request.ts'
import type { VerbRoute } from './routes.ts'
import { modelRequestOf, playerOf, type Fault, type GeminiScript, type Player, type ScriptedModel } from './script.ts'
import { Signer } from './signatures.ts'
import type { Reply } from './transport.ts'
import { PrefixCache, promptTokens, tokensOf } from './usage.ts'
import { checkCountTokens, checkEmbedContent, checkGenerateContent } from './validate.ts'

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** What answering a request adds to its line in the ledger, as far as it got. */
export type Facts = Writable<Omit<LedgerEntry, 'at' | 'path' | 'bytes' | 'status'>>

/** A request's parsed body, and where to note what is learned from it. */
interface Inquiry {
  readonly route: VerbRoute
  readonly payload: unknown
  readonly facts: Facts
}

/** What goes back, and how it breaks on its way. */
export interface Outcome {
  readonly reply: Reply
  readonly breakage?: Breakage
}

/** The models behind the front door. Every refusal is thrown. */
export class ModelService {
  readonly faults = new FaultPlan()
  private readonly cache = new PrefixCache()
  private readonly player: Player
  private readonly signer: Signer

  constructor({ script, seed }: { script: GeminiScript | ScriptedModel; seed?: string }) {
    this.player = playerOf(script)
    this.signer = new Signer(seed)
  }

  /** Answers a request to a verb of a model. */
  answer(inquiry: Inquiry): Outcome {
    const traits = servedModel(inquiry.route)
    switch (inquiry.route.verb) {
      case 'generateContent':
      case 'streamGenerateContent':
        return this.generate(inquiry, traits)
      case 'countTokens':
        return this.measure(inquiry, countTokens(inquiry))
      case 'embedContent':
      case 'batchEmbedContents':
        return this.measure(inquiry, embedAll(inquiry, traits))
    }
  }

  private generate({ route, payload, facts }: Inquiry, traits: ModelTraits): Outcome {
    const body = this.checked({ route, payload, facts }, traits)
    const verb = route.verb === 'streamGenerateContent' ? route.verb : 'generateContent'
    const request = modelRequestOf({ body, model: traits.name, verb })
    const position = this.signer.positionOf(request)
    facts.turn = request.turn
    const { continuationToken: token } = body
    if (token !== undefined && !this.signer.isContinuationToken(token, { model: traits.name, position }))
      throw invalidArgument('Invalid continuation token.', 'not issued for this request')
    const { turn, taskMatch } = this.player(request)
    if (taskMatch !== undefined) facts.taskMatch = taskMatch
    const fault = this.faults.nextForTurn(turn, position.toString('hex'))
    failWith(fault, facts)
    const counted = this.cache.admit(body, traits)
    const answer = answerOf({ turn, fault, body, traits, signer: this.signer, position, counted })
    facts.inputTokens = answer.usage.promptTokenCount + answer.usage.toolUsePromptTokenCount
    facts.outputTokens = answer.usage.candidatesTokenCount + answer.usage.thoughtsTokenCount
    const reply: Reply =
      verb === 'generateContent'
        ? ok(wholeResponse(answer))
        : { kind: 'stream', chunks: streamedResponses(answer), sse: route.sse }
    return outcomeOf(reply, fault)
  }

  private checked({ route, payload, facts }: Inquiry, traits: ModelTraits): GenerateContentBody {
    const { edition } = route
    const { body, verdict, refusal } = checkGenerateContent(payload, { traits, edition, signer: this.signer })
    facts.signatures = verdict
    if (refusal) throw refusal
    return body
  }

  private measure({ facts }: Inquiry, { body, inputTokens }: Measurement): Outcome {
    const fault = this.faults.nextForAnyVerb()
    failWith(fault, facts)
    facts.inputTokens = inputTokens
    return outcomeOf(ok(body), fault)
  }
}

/** `models.get`, or `models.list` without a name. */
export function describeModels(name: string | undefined): Reply {
  if (name === undefined) return ok(modelList())
  const traits = traitsOf(name)
  if (!traits) throw notFound(`Model is not found: models/${name} for api version v1beta`)
  return ok(modelResource(traits))
}

function servedModel({ model, verb, edition }: VerbRoute): ModelTraits {
  const traits = traitsOf(model)
  const embeds = verb === 'embedContent' || verb === 'batchEmbedContents'
  if (traits && (verb === 'countTokens' || traits.embeds === embeds)) return traits
  const version = edition === 'gemini' ? 'v1beta' : 'v1beta1'
  throw notFound(
    `models/${model} is not found for API version ${version}, or is not supported for ${verb}. Call ListModels to see the list of available models and their supported methods.`,
  )
}

interface Measurement {
  readonly body: object
  readonly inputTokens: number
}

function countTokens({ route, payload }: Inquiry): Measurement {
  const totalTokens = promptTokens(checkCountTokens(payload, route.edition))
  const promptTokensDetails = [{ modality: 'TEXT', tokenCount: totalTokens }]
  return { body: { totalTokens, promptTokensDetails }, inputTokens: totalTokens }
}

function embedAll({ route, payload }: Inquiry, traits: ModelTraits): Measurement {
  const batch = route.verb === 'batchEmbedContents'
  const requests = checkEmbedContent(payload, { traits, edition: route.edition, batch })
  const embeddings = requests.map((request) => ({ values: embed(request, traits.name) }))
  return {
    body: batch ? { embeddings } : { embedding: embeddings[0] },
    inputTokens: requests.reduce((sum, { content }) => sum + tokensOf(textOf(content)), 0),
  }
}

/** Notes a fault and throws the error it answers with, if it is of that kind. */
function failWith(fault: Fault | undefined, facts: Facts): void {
  if (fault !== undefined) facts.fault = fault
  const refusal = refusalOf(fault, facts.model)
  if (refusal) throw refusal
}

const ok = (body: object): Reply => ({ kind: 'json', status: 200, body })

function outcomeOf(reply: Reply, fault: Fault | undefined): Outcome {
  const breakage = breakageOf(fault)
  return { reply, ...(breakage && { breakage }) }
}
