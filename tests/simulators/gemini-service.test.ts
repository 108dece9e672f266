import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startGeminiSimulator, type GeminiSimulator } from '../../simulators/gemini/server.ts'
import { ask, clientOf, converse, MODEL, refusalOf, respond, SCRIPT, userSays } from './gemini-conversation.ts'

const open: GeminiSimulator[] = []
async function start(options: Partial<Parameters<typeof startGeminiSimulator>[0]> = {}): Promise<GeminiSimulator> {
  const simulator = await startGeminiSimulator({ script: SCRIPT, ...options })
  open.push(simulator)
  return simulator
}

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gemini-simulator-'))
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((simulator) => simulator.close()))
  await rm(folder, { recursive: true })
})

describe('credentials', () => {
  test('a wrong key gets 400 API_KEY_INVALID, no key 403, and neither costs tokens', async () => {
    const { url, ledger } = await start({ apiKeys: ['right'] })
    const wrong = await refusalOf(ask({ client: clientOf(url, 'wrong'), contents: [userSays('hi')], stream: false }))
    expect(wrong).toMatchObject({ http: 400, message: 'API key not valid. Please pass a valid API key.' })
    expect(wrong.details[0]).toMatchObject({ reason: 'API_KEY_INVALID' })
    const none = await fetch(`${url}/v1beta/models/${MODEL}:generateContent`, { method: 'POST', body: '{}' })
    expect(none.status).toBe(403)
    expect(await none.json()).toMatchObject({ error: { status: 'PERMISSION_DENIED' } })
    expect(ledger.map(({ status, inputTokens }) => [status, inputTokens])).toEqual([
      [400, 0],
      [403, 0],
    ])
  })

  test('the Vertex path takes a bearer token and answers 401 without it', async () => {
    const { url } = await start({ apiKeys: ['token'] })
    const path = `${url}/v1beta1/projects/p/locations/global/publishers/google/models/${MODEL}:generateContent`
    const body = JSON.stringify({ contents: [userSays('hello')] })
    const answers = await Promise.all(
      ['Bearer token', 'Bearer other', undefined].map((authorization) =>
        fetch(path, { method: 'POST', body, headers: authorization === undefined ? {} : { authorization } }),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 401, 401])
  })

  test('signatures of a simulator with the same seed pass, those of another do not', async () => {
    const [first, same, other] = [await start({ seed: 'a' }), await start({ seed: 'a' }), await start({ seed: 'b' })]
    const contents = [userSays('fix the login')]
    const parts = await ask({ client: clientOf(first.url), contents, stream: true })
    contents.push({ role: 'model', parts }, respond(parts, 'text'))
    expect(await ask({ client: clientOf(same.url), contents, stream: true })).toHaveLength(1)
    const refusal = await refusalOf(ask({ client: clientOf(other.url), contents, stream: true }))
    expect(refusal.message).toBe('Corrupted thought signature.')
  })
})

describe('other answers', () => {
  test('an unknown path and a retired model get 404 in the form of Google', async () => {
    const { url } = await start()
    const unknown = await fetch(`${url}/v1beta/files?key=secret`)
    expect(unknown.status).toBe(404)
    expect(await unknown.json()).toMatchObject({ error: { code: 404, status: 'NOT_FOUND' } })
    const attempt = ask({
      client: clientOf(url),
      contents: [userSays('x')],
      stream: false,
      model: 'gemini-3-pro-preview',
    })
    expect(await refusalOf(attempt)).toMatchObject({
      http: 404,
      message: expect.stringMatching(/^models\/gemini-3-pro-preview is not found for API version v1beta/),
    })
  })

  test('embeddings are the same each time, near for shared words, of unit length only with 3,072 numbers', async () => {
    const { models } = clientOf((await start()).url)
    const embed = async (contents: string[], outputDimensionality?: number) => {
      const config = outputDimensionality === undefined ? {} : { outputDimensionality }
      const answer = await models.embedContent({ model: 'gemini-embedding-001', contents, config })
      return (answer.embeddings ?? []).map(({ values }) => values ?? [])
    }
    const dot = (a: number[] = [], b: number[] = []): number =>
      a.reduce((sum, value, place) => sum + value * (b[place] ?? 0), 0)
    const [login, near, far] = await embed(['repair the login page', 'the login page is broken', 'bake bread'])
    expect((await embed(['repair the login page']))[0]).toEqual(login)
    expect(dot(login, login)).toBeCloseTo(1, 3)
    expect(dot(login, near)).toBeGreaterThan(0.4)
    expect(Math.abs(dot(login, far))).toBeLessThan(0.2)
    const [short] = await embed(['repair the login page'], 768)
    expect(short).toEqual(login?.slice(0, 768))
    expect(dot(short, short)).toBeLessThan(0.5)
  })

  test('tokens are counted as a quarter of the bytes', async () => {
    const { models } = clientOf((await start()).url)
    const count = async (letters: number) =>
      (await models.countTokens({ model: MODEL, contents: 'x'.repeat(letters) })).totalTokens ?? 0
    expect((await count(4_400)) - (await count(400))).toBe(1_000)
  })

  test('a history with calls may be summed up without declaring its functions, but not with some of them', async () => {
    const client = clientOf((await start()).url)
    const contents = [...(await converse({ client, stream: true }, 'fix the login')), userSays('Sum it up.')]
    const { text } = await client.models.generateContent({ model: MODEL, contents })
    expect(text).toBe('Done.')
    const config = { tools: [{ functionDeclarations: [{ name: 'read_file' }] }] }
    const { message } = await refusalOf(client.models.generateContent({ model: MODEL, contents, config }))
    expect(message).toBe('Function call `default_api:write_file` has no matching function declaration.')
  })

  test('a model in code answers what it computes from the request', async () => {
    const { url, ledger } = await start({ script: ({ turn, text }) => ({ text: `${turn}: ${text}` }) })
    const parts = await ask({ client: clientOf(url), contents: [userSays('how many')], stream: true })
    expect(parts.map(({ text }) => text).join('')).toBe('0: how many')
    expect(ledger).toHaveLength(1)
  })

  test('latency holds back an answer, but no refusal', async () => {
    const client = clientOf((await start({ latencyMs: 600 })).url)
    const order: string[] = []
    const answered = ask({ client, contents: [userSays('x')], stream: true }).then(() => order.push('answer'))
    await refusalOf(ask({ client, contents: [userSays('x')], stream: false, model: 'gemini-1-old' }))
    order.push('refusal')
    await answered
    expect(order).toEqual(['refusal', 'answer'])
  })
})

describe('the ledger file', () => {
  test('has a line for each of 4 requests, equal to the ledger in memory', async () => {
    const ledgerFile = join(folder, 'ledger.jsonl')
    const { url, ledger } = await start({ ledgerFile })
    await converse({ client: clientOf(url), stream: true }, 'fix the login')
    await refusalOf(ask({ client: clientOf(url), contents: [{ role: 'user', parts: [] }], stream: false }))
    const lines = (await readFile(ledgerFile, 'utf8')).trimEnd().split('\n')
    expect(lines).toHaveLength(4)
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(ledger)
    expect(ledger.at(-1)?.refusal).toContain('contents.parts must not be empty')
  })
})
