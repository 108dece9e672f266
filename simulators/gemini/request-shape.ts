import { generationConfig, mediaResolutions, safetySetting, schema } from './config-shape.ts'
import { boolean, bytes, enumOf, integer, list, map, message, number, onlyGemini, onlyVertex } from './shape.ts'
import { string, struct, value, type Shape } from './shape.ts'

/** The REST requests as data, from the types of `@google/genai` 2.32: a field that is not here is refused. */

const empty = message({})
const offsets = { startOffset: string, endOffset: string }
const mediaProcessing = enumOf('MediaProcessing', 'MEDIA_PROCESSING_UNSPECIFIED STATIC AGENTIC')
const inlineData = message({ mimeType: string, data: bytes, displayName: string })
const fileData = message({ mimeType: string, fileUri: string, displayName: string })
const toolType = enumOf(
  'ToolType',
  'TOOL_TYPE_UNSPECIFIED GOOGLE_SEARCH_WEB GOOGLE_SEARCH_IMAGE URL_CONTEXT GOOGLE_MAPS FILE_SEARCH MEDIA_PROCESSING',
)

const part = message({
  text: string,
  thought: boolean,
  thoughtSignature: bytes,
  functionCall: message({
    id: string,
    name: string,
    args: struct,
    willContinue: onlyVertex(boolean),
    partialArgs: onlyVertex(
      list(
        message({
          jsonPath: string,
          stringValue: string,
          numberValue: number,
          boolValue: boolean,
          nullValue: enumOf('NullValue', 'NULL_VALUE'),
          willContinue: boolean,
        }),
      ),
    ),
  }),
  functionResponse: message({
    id: string,
    name: string,
    response: struct,
    parts: list(message({ inlineData, fileData, mediaProcessing: onlyGemini(mediaProcessing) })),
    scheduling: enumOf('FunctionResponse.Scheduling', 'SCHEDULING_UNSPECIFIED SILENT WHEN_IDLE INTERRUPT'),
    willContinue: onlyGemini(boolean),
  }),
  inlineData,
  fileData,
  executableCode: message({ id: string, language: enumOf('Language', 'LANGUAGE_UNSPECIFIED PYTHON'), code: string }),
  codeExecutionResult: message({
    id: string,
    outcome: enumOf('Outcome', 'OUTCOME_UNSPECIFIED OUTCOME_OK OUTCOME_FAILED OUTCOME_DEADLINE_EXCEEDED'),
    output: string,
  }),
  toolCall: message({ id: string, toolType, args: struct }),
  toolResponse: message({ id: string, toolType, response: struct }),
  audioTranscription: message({
    text: string,
    finished: boolean,
    languageCode: string,
    speakerLabel: string,
    words: list(message({ word: string, ...offsets })),
    ...offsets,
  }),
  videoMetadata: message({ ...offsets, fps: number }),
  speechMetadata: message({ speaker: string, style: string }),
  mediaResolution: message({
    level: enumOf('PartMediaResolution.Level', `${mediaResolutions} MEDIA_RESOLUTION_ULTRA_HIGH`),
    numTokens: integer,
  }),
  mediaProcessing,
  partMetadata: onlyGemini(struct),
})

const content = message({ role: string, parts: list(part) })

const functionDeclaration = message({
  name: string,
  description: string,
  behavior: enumOf('FunctionDeclaration.Behavior', 'UNSPECIFIED BLOCKING NON_BLOCKING'),
  parameters: schema,
  parametersJsonSchema: value,
  response: schema,
  responseJsonSchema: value,
})

const blockingConfidence = enumOf(
  'PhishBlockThreshold',
  'PHISH_BLOCK_THRESHOLD_UNSPECIFIED BLOCK_LOW_AND_ABOVE BLOCK_MEDIUM_AND_ABOVE BLOCK_HIGH_AND_ABOVE BLOCK_HIGHER_AND_ABOVE BLOCK_VERY_HIGH_AND_ABOVE BLOCK_ONLY_EXTREMELY_HIGH',
)
const customSearch = { apiKey: string, customConfigs: struct }

const tool = message({
  functionDeclarations: list(functionDeclaration),
  codeExecution: empty,
  urlContext: empty,
  computerUse: message({
    environment: enumOf(
      'Environment',
      'ENVIRONMENT_UNSPECIFIED ENVIRONMENT_BROWSER ENVIRONMENT_MOBILE ENVIRONMENT_DESKTOP',
    ),
    enablePromptInjectionDetection: boolean,
    excludedPredefinedFunctions: list(string),
    disabledSafetyPolicies: list(string),
  }),
  googleSearch: message({
    searchTypes: message({ webSearch: empty, imageSearch: empty }),
    timeRangeFilter: onlyGemini(message({ startTime: string, endTime: string })),
    blockingConfidence: onlyVertex(blockingConfidence),
    excludeDomains: onlyVertex(list(string)),
  }),
  googleSearchRetrieval: message({
    dynamicRetrievalConfig: message({
      mode: enumOf('DynamicRetrievalConfig.Mode', 'MODE_UNSPECIFIED MODE_DYNAMIC'),
      dynamicThreshold: number,
    }),
  }),
  googleMaps: message({
    enableWidget: boolean,
    authConfig: struct,
    groundingTypes: onlyVertex(message({ places: empty, routing: empty })),
  }),
  fileSearch: onlyGemini(message({ fileSearchStoreNames: list(string), metadataFilter: string, topK: integer })),
  mcpServers: onlyGemini(
    list(
      message({
        name: string,
        streamableHttpTransport: message({
          url: string,
          headers: map(string),
          timeout: string,
          sseReadTimeout: string,
          terminateOnClose: boolean,
        }),
      }),
    ),
  ),
  retrieval: onlyVertex(struct),
  enterpriseWebSearch: onlyVertex(message({ blockingConfidence, excludeDomains: list(string) })),
  exaAiSearch: onlyVertex(message(customSearch)),
  parallelAiSearch: onlyVertex(
    message({ ...customSearch, enableDataRetention: boolean, enableZeroDataRetention: boolean }),
  ),
})

const toolConfig = message({
  functionCallingConfig: message({
    mode: enumOf('FunctionCallingConfig.Mode', 'MODE_UNSPECIFIED AUTO ANY NONE VALIDATED'),
    allowedFunctionNames: list(string),
    streamFunctionCallArguments: onlyVertex(boolean),
  }),
  retrievalConfig: message({ languageCode: string, latLng: message({ latitude: number, longitude: number }) }),
  includeServerSideToolInvocations: onlyGemini(boolean),
})

/** `generateContent` and `streamGenerateContent`. */
export const generateContentShape: Shape = message({
  model: onlyGemini(string),
  contents: list(content),
  systemInstruction: content,
  tools: list(tool),
  toolConfig,
  safetySettings: list(safetySetting),
  generationConfig,
  cachedContent: string,
  continuationToken: string,
  labels: map(string),
  serviceTier: string,
  store: onlyGemini(boolean),
  modelArmorConfig: onlyVertex(message({ promptTemplateName: string, responseTemplateName: string })),
  outputConfig: onlyVertex(message({ outputUriPrefix: string })),
})

/** `countTokens`. */
export const countTokensShape: Shape = message({
  contents: list(content),
  generateContentRequest: onlyGemini(generateContentShape),
  systemInstruction: onlyVertex(content),
  tools: onlyVertex(list(tool)),
  generationConfig: onlyVertex(generationConfig),
})

/** `embedContent`, and one request of `batchEmbedContents`. */
export const embedContentShape: Shape = message({
  model: string,
  content,
  taskType: enumOf(
    'TaskType',
    'TASK_TYPE_UNSPECIFIED RETRIEVAL_QUERY RETRIEVAL_DOCUMENT SEMANTIC_SIMILARITY CLASSIFICATION CLUSTERING QUESTION_ANSWERING FACT_VERIFICATION CODE_RETRIEVAL_QUERY',
  ),
  title: string,
  outputDimensionality: integer,
})

/** `batchEmbedContents`. */
export const batchEmbedContentsShape: Shape = message({ requests: list(embedContentShape) })
