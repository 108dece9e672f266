import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createGeminiClient, type GeminiOptions } from '../../adapters/gemini/gemini-client.ts'
import { systemInstruction } from '../../activities/prompts/builder.ts'
import { declarationsFor } from '../../activities/tools/declarations.ts'
import type { ModelRequest } from '../../domain/ports/model.ts'
import { UNDERSTANDING_SCHEMA } from '../../domain/understanding.ts'
import { startGeminiSimulator } from '../../simulators/gemini/server.ts'
import { KEY, MODEL, REQUEST } from '../support/model-backends.ts'
import { chunkOf, eventsOf, jsonAnswer, startRawModelServer, type RawModelServer } from '../support/raw-model-server.ts'

let server: RawModelServer
beforeEach(async () => {
  server = await startRawModelServer()
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await server.close()
})

const END = { finishReason: 'STOP', usageMetadata: { promptTokenCount: 1 } }
/** Sends a request and gives back what arrived. */
async function sent(request: Partial<ModelRequest> = {}, options: Partial<GeminiOptions> = { apiKey: KEY }) {
  server.answer(
    request.jsonSchema
      ? jsonAnswer(200, chunkOf([{ text: '{}' }], END))
      : { pieces: [eventsOf(chunkOf([{ text: 'ok' }], END))] },
  )
  await createGeminiClient({ baseUrl: server.url, ...options }).generate({ ...REQUEST, ...request })
  const arrived = server.requests.at(-1)
  if (!arrived) throw new Error('nothing arrived')
  return { ...arrived, body: JSON.parse(arrived.text) as Record<string, unknown> }
}

/** What a Builder really asks in its first turn. */
const builderRequest = (): ModelRequest => ({
  ...REQUEST,
  systemInstruction: systemInstruction({ profile: 'engineering', approvalMode: 'sandboxed', contextFiles: [] }),
  tools: declarationsFor({ approvalMode: 'sandboxed' }),
})

describe('a turn with tools', () => {
  it('is a stream request with the key in x-goog-api-key and nowhere else', async () => {
    const { method, url, headers, text } = await sent()
    expect([method, url]).toEqual(['POST', `/v1beta/models/${MODEL}:streamGenerateContent?alt=sse`])
    expect(headers['x-goog-api-key']).toBe(KEY)
    expect(headers['authorization']).toBeUndefined()
    const { 'x-goog-api-key': _, ...others } = headers
    expect(`${url}${text}${JSON.stringify(others)}`).not.toContain(KEY)
  })

  it('has no field but contents, system instruction, tools and an empty configuration', async () => {
    expect((await sent()).body).toEqual({
      contents: REQUEST.contents,
      systemInstruction: { role: 'user', parts: [{ text: REQUEST.systemInstruction }] },
      tools: [{ functionDeclarations: REQUEST.tools }],
      generationConfig: {},
    })
  })

  it('declares every tool of a Builder by parametersJsonSchema, in less than 7 kB altogether', async () => {
    const { body, text } = await sent(builderRequest())
    const [tool] = body['tools'] as { functionDeclarations: Record<string, unknown>[] }[]
    expect(tool?.functionDeclarations.length).toBe(12)
    for (const declaration of tool?.functionDeclarations ?? [])
      expect(Object.keys(declaration)).toEqual(['name', 'description', 'parametersJsonSchema'])
    expect(text.length).toBeLessThan(7_000)
  })

  it('leaves tools out when there are none', async () => {
    const { tools, ...request } = REQUEST
    server.answer({ pieces: [eventsOf(chunkOf([{ text: 'ok' }], END))] })
    await createGeminiClient({ apiKey: KEY, baseUrl: server.url }).generate(request)
    expect(JSON.parse(server.requests[0]?.text ?? '')).not.toHaveProperty('tools')
  })
})

describe('a request for JSON', () => {
  it('comes whole, with type and schema as given', async () => {
    const { url, body } = await sent({ jsonSchema: UNDERSTANDING_SCHEMA })
    expect(url).toBe(`/v1beta/models/${MODEL}:generateContent`)
    expect(JSON.stringify(body['generationConfig'])).toBe(
      JSON.stringify({ responseMimeType: 'application/json', responseJsonSchema: UNDERSTANDING_SCHEMA }),
    )
  })
})

describe('the strict simulator', () => {
  it.each(['gemini-3.1-pro-preview', 'gemini-3.8-flash', 'gemini-4-argon', 'gemini-2.5-pro'])(
    'takes the requests of a Builder and of the understanding step for %s',
    async (model) => {
      const simulator = await startGeminiSimulator({ script: { tasks: [{ match: '', turns: [] }] } })
      const client = createGeminiClient({ apiKey: KEY, baseUrl: simulator.url })
      await client.generate({ ...builderRequest(), model })
      await client.generate({ ...builderRequest(), model, tools: declarationsFor({ approvalMode: 'plan' }) })
      const { tools, ...understanding } = { ...REQUEST, model, jsonSchema: UNDERSTANDING_SCHEMA }
      const { parts } = await client.generate(understanding)
      await simulator.close()
      expect(simulator.ledger.map(({ status, refusal }) => refusal ?? status)).toEqual([200, 200, 200])
      expect(Object.keys(JSON.parse(parts[0]?.text ?? '') as object)).toEqual(UNDERSTANDING_SCHEMA.required)
    },
  )
})

describe('the environment', () => {
  it('changes nothing: key, base URL and edition come by argument', async () => {
    vi.stubEnv('GOOGLE_API_KEY', 'another-key')
    vi.stubEnv('GOOGLE_GEMINI_BASE_URL', 'http://127.0.0.1:9')
    vi.stubEnv('GOOGLE_GENAI_USE_ENTERPRISE', 'true')
    vi.stubEnv('GOOGLE_GENAI_USE_VERTEXAI', 'true')
    vi.stubEnv('GOOGLE_CLOUD_PROJECT', 'another-project')
    const { url, headers } = await sent()
    expect([url, headers['x-goog-api-key']]).toEqual([`/v1beta/models/${MODEL}:streamGenerateContent?alt=sse`, KEY])
  })
})

describe('Vertex', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ocg-vertex-'))
    const credentials = {
      type: 'external_account',
      audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/p',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `${server.url}/token`,
      credential_source: { file: join(folder, 'subject') },
    }
    await writeFile(join(folder, 'subject'), 'who-I-am')
    await writeFile(join(folder, 'credentials.json'), JSON.stringify(credentials))
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', join(folder, 'credentials.json'))
    // Else the library asks the internet for it.
    vi.stubEnv('GOOGLE_CLOUD_PROJECT', 'p1')
    vi.stubEnv('GEMINI_API_KEY', 'a-key-for-the-other-edition')
    server.answer(
      jsonAnswer(200, {
        access_token: 'bearer-of-vertex',
        token_type: 'Bearer',
        expires_in: 3_600,
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      }),
    )
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('is asked below project and location, with a bearer token and no key', async () => {
    const { url, headers, body } = await sent({}, { vertex: { project: 'p1', location: 'europe-west4' } })
    expect(url).toBe(
      `/v1beta1/projects/p1/locations/europe-west4/publishers/google/models/${MODEL}:streamGenerateContent?alt=sse`,
    )
    expect([headers['authorization'], headers['x-goog-api-key']]).toEqual(['Bearer bearer-of-vertex', undefined])
    expect(body['contents']).toEqual(REQUEST.contents)
  })

  it('is asked in the location `global` when none is set', async () => {
    const { url } = await sent({}, { vertex: { project: 'p1', location: undefined } })
    expect(url).toContain('/projects/p1/locations/global/')
  })
})
