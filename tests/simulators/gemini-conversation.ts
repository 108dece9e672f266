import { ApiError, GoogleGenAI, type Content, type GenerateContentConfig, type Part } from '@google/genai'
import type { GeminiScript } from '../../simulators/gemini/script.ts'

export const MODEL = 'gemini-3.1-pro-preview'

/** Reads two files in parallel, writes one, says so. */
export const SCRIPT: GeminiScript = {
  tasks: [
    {
      match: 'fix the login',
      understanding: { summary: 'Repair the login' },
      turns: [
        {
          text: 'Ich lese zuerst die Dateien – größer als gedacht.',
          thought: 'Two files matter.',
          calls: [
            { name: 'read_file', args: { path: 'login.ts' } },
            { name: 'read_file', args: { path: 'session.ts' } },
          ],
        },
        { calls: [{ name: 'write_file', args: { path: 'login.ts', text: 'fixed', nested: { b: 1, a: 2 } } }] },
        {
          when: { lastResponseContains: 'written', otherwise: { text: 'The file could not be written.' } },
          text: 'The login works again: sessions are renewed before they end.',
        },
      ],
    },
  ],
}

const object = { type: 'object', properties: { path: { type: 'string' } } }
export const CONFIG: GenerateContentConfig = {
  tools: [
    {
      functionDeclarations: [
        { name: 'read_file', parametersJsonSchema: object },
        { name: 'write_file', parametersJsonSchema: object },
      ],
    },
  ],
}

export const clientOf = (url: string, apiKey = 'key'): GoogleGenAI =>
  new GoogleGenAI({ apiKey, httpOptions: { baseUrl: url } })

export const userSays = (text: string): Content => ({ role: 'user', parts: [{ text }] })

interface Question {
  readonly client: GoogleGenAI
  readonly contents: Content[]
  readonly stream: boolean
  readonly model?: string
}

/** Asks once and gives back the model's parts as they came, joined by nothing. */
export async function ask({ client, contents, stream, model = MODEL }: Question): Promise<Part[]> {
  const request = { model, contents, config: CONFIG }
  if (!stream) return (await client.models.generateContent(request)).candidates?.[0]?.content?.parts ?? []
  const parts: Part[] = []
  for await (const chunk of await client.models.generateContentStream(request))
    parts.push(...(chunk.candidates?.[0]?.content?.parts ?? []))
  return parts
}

/** Answers every call of a model content with the output, in one content. */
export const respond = (parts: readonly Part[], output: string): Content => ({
  role: 'user',
  parts: parts.flatMap(({ functionCall }) =>
    functionCall
      ? [{ functionResponse: { id: functionCall.id ?? '', name: functionCall.name ?? '', response: { output } } }]
      : [],
  ),
})

/** Plays a conversation to its end, echoing the model's parts verbatim; gives back all contents. */
export async function converse(question: Omit<Question, 'contents'>, text: string): Promise<Content[]> {
  const contents = [userSays(text)]
  for (;;) {
    const parts = await ask({ ...question, contents })
    contents.push({ role: 'model', parts })
    const answers = respond(parts, 'written')
    if (answers.parts?.length === 0) return contents
    contents.push(answers)
  }
}

/** The error the service answered with: HTTP status and parsed body. */
export async function refusalOf(attempt: Promise<unknown>): Promise<{
  http: number
  status: string
  message: string
  details: Record<string, unknown>[]
}> {
  const error = await attempt.then(
    () => new Error('the request was answered'),
    (reason: unknown) => reason,
  )
  if (!(error instanceof ApiError)) throw error
  const body = JSON.parse(error.message.slice(error.message.indexOf('{'))) as {
    error: { status: string; message: string; details?: Record<string, unknown>[] }
  }
  return {
    http: error.status,
    status: body.error.status,
    message: body.error.message,
    details: body.error.details ?? [],
  }
}
