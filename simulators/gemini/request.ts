/** Which front of the service a request came through: its fields and some error texts differ. */
export type Edition = 'gemini' | 'vertex'

export interface FunctionCall {
  id?: string
  name?: string
  args?: Record<string, unknown>
}

export interface FunctionResponse {
  id?: string
  name?: string
  response?: Record<string, unknown>
}

/** One part of a content. Only the fields the simulator reads are named; the shape check knows all of them. */
export interface Part {
  text?: string
  thought?: boolean
  thoughtSignature?: string
  inlineData?: { mimeType?: string; data?: string }
  functionCall?: FunctionCall
  functionResponse?: FunctionResponse
}

export interface Content {
  role?: string
  parts: Part[]
}

export interface FunctionDeclaration {
  name: string
  description?: string
  parameters?: OpenApiSchema
  parametersJsonSchema?: unknown
  response?: OpenApiSchema
  responseJsonSchema?: unknown
}

/** The OpenAPI flavoured schema of `parameters`, `response` and `responseSchema`. */
export interface OpenApiSchema {
  type?: string
  items?: OpenApiSchema
  properties?: Record<string, OpenApiSchema>
  required?: string[]
  anyOf?: OpenApiSchema[]
}

export interface Tool {
  functionDeclarations?: FunctionDeclaration[]
}

export interface GenerationConfig {
  temperature?: number
  topP?: number
  candidateCount?: number
  maxOutputTokens?: number
  presencePenalty?: number
  frequencyPenalty?: number
  responseMimeType?: string
  responseSchema?: OpenApiSchema
  responseJsonSchema?: unknown
  thinkingConfig?: { includeThoughts?: boolean; thinkingBudget?: number; thinkingLevel?: string }
}

/** The body of `generateContent` and `streamGenerateContent`, after the shape check. */
export interface GenerateContentBody {
  contents: Content[]
  systemInstruction?: Content
  tools?: Tool[]
  toolConfig?: { functionCallingConfig?: { mode?: string; allowedFunctionNames?: string[] } }
  generationConfig?: GenerationConfig
  cachedContent?: string
  continuationToken?: string
}

/** Every function a request declares, over all its tools. */
export const declarationsOf = (body: GenerateContentBody): FunctionDeclaration[] =>
  (body.tools ?? []).flatMap((tool) => tool.functionDeclarations ?? [])

/** Whether the request asks for one JSON document instead of text and calls. */
export const wantsJson = (body: GenerateContentBody): boolean =>
  body.generationConfig?.responseMimeType === 'application/json'

export const callsOf = (content: Content | undefined): FunctionCall[] =>
  (content?.parts ?? []).flatMap((part) => part.functionCall ?? [])

export const responsesOf = (content: Content | undefined): FunctionResponse[] =>
  (content?.parts ?? []).flatMap((part) => part.functionResponse ?? [])

/** The plain text of a content: thoughts are not part of what was said. */
export const textOf = (content: Content | undefined): string =>
  (content?.parts ?? []).map((part) => (part.thought === true ? '' : (part.text ?? ''))).join('')
