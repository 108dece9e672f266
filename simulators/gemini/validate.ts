import { invalidArgument, invalidPayload, type Refusal } from './errors.ts'
import { schemaProblems } from './json-schema.ts'
import type { ModelTraits } from './models.ts'
import { contentProblems, doubledData } from './parts.ts'
import { batchEmbedContentsShape, countTokensShape, embedContentShape, generateContentShape } from './request-shape.ts'
import { wantsJson, type Content, type Edition, type GenerateContentBody, type GenerationConfig } from './request.ts'
import { shapeViolations, snakeCase, type Shape } from './shape.ts'
import { judgeSignatures, type Signer, type SignatureVerdict } from './signatures.ts'
import { checkTools, openApiProblems, toolProblems } from './tools.ts'
import { checkTurns } from './turns.ts'

/** Who asks which model, through which front. */
export interface Rules {
  readonly traits: ModelTraits
  readonly edition: Edition
  readonly signer: Signer
}

/** A request that passed, and the verdict on its signatures; a breach of them comes as `refusal`, not thrown. */
export interface CheckedRequest {
  readonly body: GenerateContentBody
  readonly verdict: SignatureVerdict
  readonly refusal?: Refusal
}

/** Checks a `generateContent` or `streamGenerateContent` body by every rule; throws the refusal of the first breach. */
export function checkGenerateContent(payload: unknown, rules: Rules): CheckedRequest {
  checkShape(payload, generateContentShape, rules.edition)
  const body = payload as GenerateContentBody
  const doubled = [...(body.contents ?? []).entries()].map(([index, content]) =>
    doubledData(content, `contents[${index}]`),
  )
  const payloadProblems = doubled.flatMap((description) => (description === undefined ? [] : [{ description }]))
  if (payloadProblems.length > 0) throw invalidPayload(payloadProblems)
  refuseAll([...allContentProblems(body), ...toolProblems(body), ...configProblems(body.generationConfig)])
  checkModelRules(body, rules.traits)
  checkAnswerFormat(body, rules.traits)
  checkTurns(body.contents, rules.traits.generation)
  checkTools(body, rules.signer)
  if (rules.traits.generation === 2) return { body, verdict: 'none' }
  return { body, ...judgeSignatures({ ...rules, model: rules.traits.name, contents: body.contents }) }
}

/** Checks a `countTokens` body and returns what is counted. */
export function checkCountTokens(payload: unknown, edition: Edition): Partial<GenerateContentBody> {
  checkShape(payload, countTokensShape, edition)
  const body = payload as Partial<GenerateContentBody> & { generateContentRequest?: Partial<GenerateContentBody> }
  if (body.generateContentRequest && body.contents)
    throw invalidArgument('* CountTokensRequest: contents and generate_content_request must not both be set.\n')
  const counted = body.generateContentRequest ?? body
  refuseAll(
    (counted.contents ?? []).flatMap((content, index) =>
      contentProblems(content, `CountTokensRequest.contents[${index}]`),
    ),
  )
  if (!counted.contents?.length) throw invalidArgument('* CountTokensRequest.contents: contents is not specified\n')
  return counted
}

/** One text to embed. */
export interface EmbedRequest {
  readonly model?: string
  readonly content: Content
  readonly outputDimensionality?: number
}

const MAX_EMBEDDINGS = 100
const MAX_DIMENSIONS = 3_072

/** Checks an `embedContent` or `batchEmbedContents` body and returns its requests. */
export function checkEmbedContent(
  payload: unknown,
  { traits, edition, batch }: Omit<Rules, 'signer'> & { batch: boolean },
): EmbedRequest[] {
  checkShape(payload, batch ? batchEmbedContentsShape : embedContentShape, edition)
  const requests = batch ? ((payload as { requests?: EmbedRequest[] }).requests ?? []) : [payload as EmbedRequest]
  if (batch && requests.length === 0)
    throw invalidArgument('* BatchEmbedContentsRequest.requests: requests is not specified\n')
  if (requests.length > MAX_EMBEDDINGS)
    throw invalidArgument(
      `* BatchEmbedContentsRequest.requests: at most ${MAX_EMBEDDINGS} requests can be in one batch\n`,
    )
  refuseAll(
    requests.flatMap(({ model, content, outputDimensionality = MAX_DIMENSIONS }, index) => {
      const path = batch ? `BatchEmbedContentsRequest.requests[${index}]` : 'EmbedContentRequest'
      const problems = content
        ? contentProblems(content, `${path}.content`)
        : [`* ${path}.content: content is not specified`]
      if (model === undefined ? batch : model.replace(/^models\//, '') !== traits.name)
        problems.push(`* ${path}.model: must be models/${traits.name}, the model of the URL`)
      if (outputDimensionality < 1 || outputDimensionality > MAX_DIMENSIONS)
        problems.push(`* ${path}.output_dimensionality: must be in the range [1, ${MAX_DIMENSIONS}]`)
      return problems
    }),
  )
  return requests
}

function checkShape(payload: unknown, shape: Shape, edition: Edition): void {
  const violations = shapeViolations(payload, shape, edition)
  if (violations.length > 0) throw invalidPayload(violations)
}

/** The validator names all it finds, a line each. */
function refuseAll(problems: readonly string[]): void {
  if (problems.length > 0) throw invalidArgument(problems.map((problem) => `${problem}\n`).join(''))
}

function allContentProblems({ contents, systemInstruction }: GenerateContentBody): string[] {
  if (!contents || contents.length === 0) return ['* GenerateContentRequest.contents: contents is not specified']
  return [
    ...contents.flatMap((content, index) => contentProblems(content, `GenerateContentRequest.contents[${index}]`)),
    ...(systemInstruction ? contentProblems(systemInstruction, 'GenerateContentRequest.system_instruction') : []),
  ]
}

/** Both ends belong to the range. */
const RANGES: readonly { field: keyof GenerationConfig; from: number; to: number }[] = [
  { field: 'temperature', from: 0, to: 2 },
  { field: 'topP', from: 0, to: 1 },
  { field: 'candidateCount', from: 1, to: 8 },
  { field: 'maxOutputTokens', from: 1, to: 65_536 },
]

function configProblems(config: GenerationConfig = {}): string[] {
  const path = 'GenerateContentRequest.generation_config'
  const outside = RANGES.filter(({ field, from, to }) => {
    const value = config[field]
    return value !== undefined && (Number(value) < from || Number(value) > to)
  })
  return [
    ...outside.map(({ field, from, to }) => {
      const name = snakeCase(field)
      return `* ${path}.${name}: ${name} must be in the range [${from}, ${to}].`
    }),
    ...(config.responseSchema ? openApiProblems(config.responseSchema, `${path}.response_schema`) : []),
    ...(config.responseJsonSchema === undefined
      ? []
      : schemaProblems(config.responseJsonSchema, `${path}.response_json_schema`, 'answer').map(
          (problem) => `* ${problem}.`,
        )),
  ]
}

/** What a model's generation does not understand (any more). */
function checkModelRules(body: GenerateContentBody, { generation, name }: ModelTraits): void {
  const config = body.generationConfig ?? {}
  const { thinkingBudget, thinkingLevel } = config.thinkingConfig ?? {}
  const level = thinkingLevel?.toUpperCase()
  if (thinkingBudget !== undefined && level !== undefined)
    throw invalidArgument('You can only set only one of thinking budget and thinking level.')
  if (generation === 2 && level !== undefined) throw invalidArgument('Thinking level is not supported for this model.')
  if (level === 'XHIGH' && !name.startsWith('gemini-4-neon'))
    throw invalidArgument('Thinking level XHIGH is not supported for this model.')
  if (generation < 4) return
  if (thinkingBudget !== undefined)
    throw invalidArgument('Thinking budget is not supported for this model. Use thinking level instead.')
  if (level === 'MINIMAL') throw invalidArgument('Thinking level MINIMAL is not supported for this model.')
  if (config.presencePenalty !== undefined || config.frequencyPenalty !== undefined)
    throw invalidArgument('Penalty is not enabled for this model.')
  if (config.candidateCount !== undefined && config.candidateCount !== 1)
    throw invalidArgument('Multiple candidates is not enabled for this model.')
  if (body.cachedContent !== undefined)
    throw invalidArgument('Explicit context caching is not supported for this model.')
}

function checkAnswerFormat(body: GenerateContentBody, { generation }: ModelTraits): void {
  const { responseSchema, responseJsonSchema, responseMimeType } = body.generationConfig ?? {}
  if (responseSchema && responseJsonSchema !== undefined)
    throw invalidArgument('Only one of response_schema and response_json_schema can be set.')
  if ((responseSchema || responseJsonSchema !== undefined) && !wantsJson(body) && responseMimeType !== 'text/x.enum')
    throw invalidArgument("A response schema needs the response mime type 'application/json'.")
  if (generation === 2 && wantsJson(body) && body.tools?.some((tool) => tool.functionDeclarations))
    throw invalidArgument("Function calling with a response mime type: 'application/json' is unsupported")
}
