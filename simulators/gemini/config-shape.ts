import { boolean, bytes, enumOf, integer, list, map, message, number, onlyGemini, onlyVertex } from './shape.ts'
import { string, struct, value, type Shape } from './shape.ts'

/** The values that the resolution of a part and that of a whole request share. */
export const mediaResolutions =
  'MEDIA_RESOLUTION_UNSPECIFIED MEDIA_RESOLUTION_LOW MEDIA_RESOLUTION_MEDIUM MEDIA_RESOLUTION_HIGH'

/** The OpenAPI flavoured schema of parameters and answers. */
export const schema: Shape = message(() => ({
  type: enumOf('Type', 'TYPE_UNSPECIFIED STRING NUMBER INTEGER BOOLEAN ARRAY OBJECT NULL'),
  format: string,
  title: string,
  description: string,
  nullable: boolean,
  enum: list(string),
  default: value,
  example: value,
  pattern: string,
  minimum: number,
  maximum: number,
  minLength: integer,
  maxLength: integer,
  minItems: integer,
  maxItems: integer,
  minProperties: integer,
  maxProperties: integer,
  items: schema,
  anyOf: list(schema),
  properties: map(schema),
  propertyOrdering: list(string),
  required: list(string),
}))

const voiceConfig = message({
  voice: string,
  prebuiltVoiceConfig: message({ voiceName: string }),
  replicatedVoiceConfig: message({
    mimeType: string,
    voiceSampleAudio: bytes,
    consentAudio: bytes,
    voiceConsentSignature: message({ signature: string }),
  }),
})

const empty = message({})
const delivery = enumOf('Delivery', 'DELIVERY_UNSPECIFIED INLINE URI')

/** How to answer. */
export const generationConfig = message({
  temperature: number,
  topP: number,
  topK: number,
  candidateCount: integer,
  maxOutputTokens: integer,
  stopSequences: list(string),
  presencePenalty: number,
  frequencyPenalty: number,
  seed: integer,
  logprobs: integer,
  responseLogprobs: boolean,
  responseMimeType: string,
  responseSchema: schema,
  responseJsonSchema: value,
  responseModalities: list(enumOf('Modality', 'MODALITY_UNSPECIFIED TEXT IMAGE AUDIO VIDEO')),
  responseFormat: list(
    message({
      text: message({ mimeType: string, schema: value }),
      audio: message({ bitRate: integer, sampleRate: integer, mimeType: string, delivery }),
      image: message({ aspectRatio: string, imageSize: string, mimeType: string, delivery }),
      video: message({ aspectRatio: string, duration: string, resolution: string, gcsUri: string, delivery }),
    }),
  ),
  mediaResolution: enumOf('MediaResolution', mediaResolutions),
  thinkingConfig: message({
    includeThoughts: boolean,
    thinkingBudget: integer,
    thinkingLevel: enumOf('ThinkingLevel', 'THINKING_LEVEL_UNSPECIFIED MINIMAL LOW MEDIUM HIGH XHIGH'),
  }),
  speechConfig: message({
    voiceConfig,
    languageCode: string,
    multiSpeakerVoiceConfig: message({ speakerVoiceConfigs: list(message({ speaker: string, voiceConfig })) }),
  }),
  audioTranscriptionConfig: message({
    languageCodes: list(string),
    languageAuto: empty,
    languageHints: message({ languageCodes: list(string) }),
    customVocabulary: list(string),
    adaptationPhrases: list(string),
    wordTimestamp: boolean,
    diarization: boolean,
    mode: enumOf('AudioTranscriptionConfig.Mode', 'MODE_UNSPECIFIED VERBATIM SMART'),
  }),
  imageConfig: message({
    aspectRatio: string,
    imageSize: string,
    personGeneration: string,
    outputMimeType: onlyVertex(string),
    imageOutputOptions: onlyVertex(message({ compressionQuality: integer, mimeType: string })),
    prominentPeople: onlyVertex(string),
  }),
  translationConfig: message({ echoTargetLanguage: boolean, targetLanguageCode: string }),
  enableAffectiveDialog: boolean,
  enableEnhancedCivicAnswers: onlyGemini(boolean),
  audioTimestamp: onlyVertex(boolean),
  routingConfig: onlyVertex(struct),
  modelConfig: onlyVertex(message({ featureSelectionPreference: string })),
})

/** What to block. */
export const safetySetting = message({
  category: enumOf(
    'HarmCategory',
    'HARM_CATEGORY_UNSPECIFIED HARM_CATEGORY_HARASSMENT HARM_CATEGORY_HATE_SPEECH HARM_CATEGORY_SEXUALLY_EXPLICIT HARM_CATEGORY_DANGEROUS_CONTENT HARM_CATEGORY_CIVIC_INTEGRITY HARM_CATEGORY_JAILBREAK HARM_CATEGORY_IMAGE_HATE HARM_CATEGORY_IMAGE_DANGEROUS_CONTENT HARM_CATEGORY_IMAGE_HARASSMENT HARM_CATEGORY_IMAGE_SEXUALLY_EXPLICIT',
  ),
  threshold: enumOf(
    'SafetySetting.HarmBlockThreshold',
    'HARM_BLOCK_THRESHOLD_UNSPECIFIED BLOCK_LOW_AND_ABOVE BLOCK_MEDIUM_AND_ABOVE BLOCK_ONLY_HIGH BLOCK_NONE OFF',
  ),
  method: onlyVertex(enumOf('SafetySetting.HarmBlockMethod', 'HARM_BLOCK_METHOD_UNSPECIFIED SEVERITY PROBABILITY')),
})
