import { hasModelCredential, type Config } from '../adapters/config.ts'
import { createGeminiClient } from '../adapters/gemini/gemini-client.ts'
import { modelNotConfigured, type ModelClient } from '../domain/ports/model.ts'

/** The model client of the configured credential; without one every call says what to set. */
export function createModel(config: Config): ModelClient {
  if (!hasModelCredential(config)) return modelNotConfigured
  return createGeminiClient({
    apiKey: config.GOOGLE_GENAI_USE_VERTEXAI ? undefined : (config.GEMINI_API_KEY ?? config.GEMINI_API_KEYS[0]),
    baseUrl: config.GOOGLE_GEMINI_BASE_URL,
    vertex: config.GOOGLE_GENAI_USE_VERTEXAI
      ? { project: config.GOOGLE_CLOUD_PROJECT, location: config.GOOGLE_CLOUD_LOCATION }
      : undefined,
  })
}
