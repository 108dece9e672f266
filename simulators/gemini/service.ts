import { answerOf, type Answer } from './answer.ts'
import { streamedResponses, wholeResponse } from './chunks.ts'
import { embed } from './embeddings.ts'
import { invalidArgument, notFound } from './errors.ts'
import { breakageOf, FaultPlan, refusalOf, type Breakage } from './faults.ts'
import type { LedgerEntry } from './ledger.ts'
import { modelList, modelResource, traitsOf, type ModelTraits } from './models.ts'
import { textOf } from './request.ts'
import type { Route } from './routes.ts'
import { modelRequestOf, playerOf, type GeminiScript, type ScriptedModel } from './script.ts'
import { Signer } from './signatures.ts'
import type { Reply } from './transport.ts'
import { PrefixCache, promptTokens, tokensOf } from './usage.ts'
import { checkCountTokens, checkEmbedContent, checkGenerateContent } from './validate.ts'

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** What a request's answering adds to its line in the ledger, as far as it got. */
export type Facts = Writable<Omit<LedgerEntry, 'at' | 'path' | 'bytes' | 'status'>>

type VerbRoute = Extract<Route, { kind: 'verb' }>

/** A parsed body, and where to note what is learned from it. */
interface Inquiry {
  readonly payload: unknown
  readonly facts: Facts
}

interface Outcome {
  readonly reply: Reply
  readonly breakage?: Breakage
}

/** The models behind the front door. Refusals are thrown. */
export interface ModelService {
  readonly faults: FaultPlan
  answer(route: VerbRoute, inquiry: Inquiry): Outcome
  /** `models.get`, or `models.list` without a name. */
  models(name: string | undefined): Reply
}

const NOT_SERVED = 'Call ListModels to see the list of available models and their supported methods.'
const ok = (body: object): Reply => ({ kind: 'json', status: 200, body })

/** Makes the models that play a script. */
export function createModelService(options: { script: GeminiScript | ScriptedModel; seed?: string }): ModelService {
  const player = playerOf(options.script)
  const signer = new Signer(options.seed)
  const cache = new PrefixCache()
  const faults = new FaultPlan()

  function generate(route: VerbRoute, traits: ModelTraits, { payload, facts }: Inquiry): Outcome {
    const verb = route.verb === 'streamGenerateContent' ? route.verb : 'generateContent'
    const { body, verdict, refusal } = checkGenerateContent(payload, { traits, edition: route.edition, signer })
    facts.signatures = verdict
    if (refusal) throw refusal
    const request = modelRequestOf({ body, model: traits.name, verb })
    facts.turn = request.turn
    const position = signer.positionOf(request)
    if (
      body.continuationToken !== undefined &&
      !signer.isContinuationToken(body.continuationToken, { model: traits.name, position })
    )
      throw invalidArgument('Invalid continuation token.', 'not issued for this request')
    const { turn, taskMatch } = player(request)
    if (taskMatch !== undefined) facts.taskMatch = taskMatch
    const fault = faults.nextForTurn(turn, position.toString('hex'))
    if (fault !== undefined) facts.fault = fault
    const failure = refusalOf(fault, traits.name)
    if (failure) throw failure
    const answer = answerOf({ turn, fault, body, traits, signer, position, counted: cache.admit(body, traits) })
    noteTokens(facts, answer)
    const reply: Reply =
      verb === 'generateContent'
        ? ok(wholeResponse(answer))
        : { kind: 'stream', chunks: streamedResponses(answer), sse: route.sse }
    return outcomeOf(reply, breakageOf(fault))
  }

  function measure(route: VerbRoute, traits: ModelTraits, inquiry: Inquiry): Outcome {
    const body = route.verb === 'countTokens' ? countTokens(route, inquiry) : embedAll(route, traits, inquiry)
    const fault = faults.nextForAnyVerb()
    if (fault !== undefined) inquiry.facts.fault = fault
    const failure = refusalOf(fault, traits.name)
    if (failure) throw failure
    return outcomeOf(ok(body), breakageOf(fault))
  }

  return {
    faults,
    answer(route, inquiry) {
      const traits = servedModel(route)
      const generates = route.verb === 'generateContent' || route.verb === 'streamGenerateContent'
      return generates ? generate(route, traits, inquiry) : measure(route, traits, inquiry)
    },
    models(name) {
      if (name === undefined) return ok(modelList())
      const traits = traitsOf(name)
      if (!traits) throw notFound(`Model is not found: models/${name} for api version v1beta`)
      return ok(modelResource(traits))
    },
  }
}

function servedModel({ model, verb, edition }: VerbRoute): ModelTraits {
  const traits = traitsOf(model)
  const embeds = verb === 'embedContent' || verb === 'batchEmbedContents'
  if (traits && (verb === 'countTokens' || traits.embeds === embeds)) return traits
  const version = edition === 'gemini' ? 'v1beta' : 'v1beta1'
  throw notFound(
    `models/${model} is not found for API version ${version}, or is not supported for ${verb}. ${NOT_SERVED}`,
  )
}

function countTokens({ edition }: VerbRoute, { payload, facts }: Inquiry): object {
  const totalTokens = promptTokens(checkCountTokens(payload, edition))
  facts.inputTokens = totalTokens
  return { totalTokens, promptTokensDetails: [{ modality: 'TEXT', tokenCount: totalTokens }] }
}

function embedAll({ verb, edition }: VerbRoute, traits: ModelTraits, { payload, facts }: Inquiry): object {
  const batch = verb === 'batchEmbedContents'
  const requests = checkEmbedContent(payload, { traits, edition, batch })
  facts.inputTokens = requests.reduce((sum, { content }) => sum + tokensOf(textOf(content)), 0)
  const embeddings = requests.map((request) => ({ values: embed(request, traits.name) }))
  return batch ? { embeddings } : { embedding: embeddings[0] }
}

function noteTokens(facts: Facts, { usage }: Answer): void {
  facts.inputTokens = usage.promptTokenCount + usage.toolUsePromptTokenCount
  facts.outputTokens = usage.candidatesTokenCount + usage.thoughtsTokenCount
}

const outcomeOf = (reply: Reply, breakage: Breakage | undefined): Outcome => ({ reply, ...(breakage && { breakage }) })
