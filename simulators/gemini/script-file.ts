import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { FAULTS, type GeminiScript } from './script.ts'

const tokens = z.int().min(0)

const turnSchema = z.strictObject({
  text: z.string().optional(),
  thought: z.string().optional(),
  calls: z.array(z.strictObject({ name: z.string().min(1), args: z.record(z.string(), z.unknown()) })).optional(),
  finishReason: z.string().optional(),
  usage: z
    .strictObject({
      promptTokenCount: tokens,
      cachedContentTokenCount: tokens,
      candidatesTokenCount: tokens,
      thoughtsTokenCount: tokens,
      toolUsePromptTokenCount: tokens,
    })
    .partial()
    .optional(),
  fault: z.enum(FAULTS).optional(),
  faultTimes: z.int().min(1).optional(),
  get when() {
    return z.strictObject({ lastResponseContains: z.string(), otherwise: turnSchema }).optional()
  },
})

const scriptSchema = z.strictObject({
  tasks: z.array(
    z.strictObject({
      match: z.string(),
      understanding: z.record(z.string(), z.unknown()).optional(),
      turns: z.array(turnSchema),
    }),
  ),
})

/** Reads a script file. Throws an error that says which file, and each fault with its place in it. */
export async function readScript(file: string): Promise<GeminiScript> {
  const parsed = scriptSchema.safeParse(parseJson(await readFile(file, 'utf8'), file))
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map(({ path, message }) => `  ${placeOf(path)}: ${message}`)
  throw new Error(`${file} is no script for the Gemini simulator:\n${faults.join('\n')}`)
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const position = /at position (\d+)/.exec(why)?.[1]
    const before = position === undefined ? undefined : text.slice(0, Number(position)).split('\n')
    const place = before ? `:${before.length}:${(before.at(-1)?.length ?? 0) + 1}` : ''
    throw new Error(`${file}${place} is not JSON: ${why}`, { cause: error })
  }
}

/** `tasks[0].turns[2].text`, or `the script` for the whole of it. */
const placeOf = (path: readonly PropertyKey[]): string =>
  path
    .map((segment) => (typeof segment === 'number' ? `[${segment}]` : `.${String(segment)}`))
    .join('')
    .replace(/^\./, '') || 'the script'
