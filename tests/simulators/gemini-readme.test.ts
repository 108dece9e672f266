import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { readScript } from '../../simulators/gemini/script-file.ts'
import { FAULTS, type Fault, type GeminiScript } from '../../simulators/gemini/script.ts'
import {
  startGeminiSimulator,
  type GeminiSimulator,
  type GeminiSimulatorOptions,
} from '../../simulators/gemini/server.ts'
import { functionResponse, hello, model, post, PRO, text, user } from '../support/gemini-http.ts'

/** Sentences of simulators/gemini/README.md that no other suite of this folder holds it to. */
const README = 'simulators/gemini/README.md'
let readme: string
let open: GeminiSimulator[] = []
beforeAll(async () => {
  readme = await readFile(README, 'utf8')
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((simulator) => simulator.close()))
})

async function start(options: Partial<GeminiSimulatorOptions> = {}): Promise<GeminiSimulator> {
  const simulator = await startGeminiSimulator({ script: { tasks: [{ match: '', turns: [] }] }, ...options })
  open = [...open, simulator]
  return simulator
}
const playing = (...tasks: GeminiScript['tasks']) => start({ script: { tasks } })
const candidate = (body: Record<string, unknown>) =>
  (
    body['candidates'] as {
      content: { parts: { text?: string; thought?: boolean; functionCall?: { id: string } }[] }
      finishReason: string
    }[]
  )[0]
const wordsOf = (body: Record<string, unknown>) =>
  candidate(body)
    ?.content.parts.map((part) => part.text ?? '')
    .join('')

describe('what it serves', () => {
  const GENERATING = ['generateContent', 'streamGenerateContent', 'countTokens']
  const EMBEDDING = ['embedContent', 'batchEmbedContents']
  const content = user(text('x'))
  const bodyFor = (verb: string) =>
    verb === 'embedContent'
      ? { content }
      : verb === 'batchEmbedContents'
        ? { requests: [{ model: 'models/gemini-embedding-2', content }] }
        : hello()

  test.each([...GENERATING, ...EMBEDDING])('%s, on both fronts and with an escaped colon', async (verb) => {
    const simulator = await start()
    const name = EMBEDDING.includes(verb) ? 'gemini-embedding-2' : PRO
    const vertex = `/v1beta1/projects/p/locations/l/publishers/google/models/${name}:${verb}`
    for (const path of [`${name}:${verb}`, `${name}%3A${verb}`, vertex])
      expect((await post(simulator, bodyFor(verb), path)).http).toBe(200)
    expect(readme).toContain(`\`${verb}\``)
  })

  test('the list of models, and each of them', async () => {
    const { url } = await start()
    const get = async (path: string) =>
      (await fetch(`${url}${path}`, { headers: { 'x-goog-api-key': 'k' } })).json() as Promise<Record<string, unknown>>
    const { models } = (await get('/v1beta/models')) as { models: { name: string }[] }
    expect(models.map(({ name }) => name)).toContain('models/gemini-4-neon')
    for (const { name } of models) expect(await get(`/v1beta/${name}`)).toMatchObject({ name })
    expect(await get('/v1beta/models/gemini-1-old')).toMatchObject({ error: { code: 404 } })
  })

  test.each([
    ['GET', `/v1beta/models/${PRO}:generateContent`],
    ['PUT', `/v1beta/models/${PRO}:generateContent`],
    ['POST', `/v1beta/models/${PRO}:explain`],
    ['POST', `/v1beta/models`],
    ['POST', '/v1beta/interactions'],
    ['POST', '/%zz'],
    ['GET', '/'],
  ])('not %s %s: everything else is 404', async (method, path) => {
    const { url, ledger } = await start()
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { 'x-goog-api-key': 'k' },
      ...(method !== 'GET' && { body: '{}' }),
    })
    expect([response.status, ledger[0]?.status]).toEqual([404, 404])
  })

  test('any key unless right ones are named, also in the address, which the ledger does not show', async () => {
    const any = await start()
    expect((await post(any, hello())).http).toBe(200)
    const right = await start({ apiKeys: ['right'] })
    const path = `/v1beta/models/${PRO}:generateContent`
    for (const [key, status] of [
      ['right', 200],
      ['wrong', 400],
    ] as const)
      expect(
        (await fetch(`${right.url}${path}?key=${key}`, { method: 'POST', body: JSON.stringify(hello()) })).status,
      ).toBe(status)
    expect(right.ledger.map((entry) => entry.path)).toEqual([path, path])
  })

  test('a stream without alt=sse as one JSON list', async () => {
    const simulator = await playing({ match: '', turns: [{ text: 'In several pieces, one after the other.' }] })
    const { body } = await post(simulator, hello(), `${PRO}:streamGenerateContent`)
    const chunks = body as unknown as Record<string, unknown>[]
    expect(chunks.map((chunk) => wordsOf(chunk)).join('')).toBe('In several pieces, one after the other.')
  })
})

describe('a script', () => {
  test('of the README plays as it says', async () => {
    const json = /```json\n([^]*?)```/.exec(readme)?.[1] ?? ''
    const folder = await mkdtemp(join(tmpdir(), 'gemini-readme-'))
    await writeFile(join(folder, 'script.json'), json)
    const simulator = await start({ script: await readScript(join(folder, 'script.json')) })
    await rm(folder, { recursive: true })
    const contents = [user(text('Please fix the login.'))]
    const { parts = [] } = candidate((await post(simulator, { contents })).body)?.content ?? {}
    expect(parts[0]).toEqual({ text: 'First I read.' })
    const after = (output: string) => [
      ...contents,
      model(...parts),
      user(functionResponse('read_file', parts[1]?.functionCall?.id, { output })),
    ]
    expect(wordsOf((await post(simulator, { contents: after('export const x') })).body)).toBe(
      'Done: the login works again.',
    )
    expect(wordsOf((await post(simulator, { contents: after('') })).body)).toBe('The file is empty.')
    const answer = {
      properties: { summary: { type: 'string' }, risk: { type: 'string', enum: ['low'] } },
      required: ['summary', 'risk'],
    }
    const generationConfig = { responseMimeType: 'application/json', responseJsonSchema: answer }
    expect(JSON.parse(wordsOf((await post(simulator, { contents, generationConfig })).body) ?? '')).toEqual({
      summary: 'Repair the login',
      risk: 'low',
    })
  })

  test('plays the first task that matches, turn k for k model contents, and then `Done.`', async () => {
    const simulator = await playing(
      { match: 'login', turns: [{ text: 'one' }, { text: 'two' }] },
      { match: 'fix the login', turns: [{ text: 'never' }] },
      { match: 'nothing', turns: [] },
    )
    const contents = [user(text('fix the login'))]
    const heard: (string | undefined)[] = []
    for (let turn = 0; turn < 4; turn++) {
      const words = wordsOf((await post(simulator, { contents })).body)
      heard.push(words)
      contents.push(model(text(words ?? '')), user(text('go on')))
    }
    expect(heard).toEqual(['one', 'two', 'Done.', 'Done.'])
    expect(simulator.ledger.map(({ turn, taskMatch }) => [turn, taskMatch])).toEqual(
      [0, 1, 2, 3].map((turn) => [turn, 'login']),
    )
    expect(wordsOf((await post(simulator, hello())).body)).toBe('Done.')
  })

  test('tells thoughts only to who includes them, and the tokens it is told to tell', async () => {
    const usage = {
      promptTokenCount: 1_000,
      cachedContentTokenCount: 5_000,
      thoughtsTokenCount: 7,
      candidatesTokenCount: 3,
    }
    const simulator = await playing({ match: '', turns: [{ text: 'x', thought: 'hm', usage }] })
    const { body } = await post(simulator, hello({ generationConfig: { thinkingConfig: { includeThoughts: true } } }))
    expect(candidate(body)?.content.parts[0]).toEqual({ text: 'hm', thought: true })
    expect(body['usageMetadata']).toMatchObject({ ...usage, cachedContentTokenCount: 1_000, totalTokenCount: 1_010 })
    expect(JSON.stringify((await post(simulator, hello())).body)).not.toContain('"hm"')
  })
})

describe('tokens', () => {
  const cachedOf = async (simulator: GeminiSimulator, bytes: number, name: string) => {
    const ask = () => post(simulator, { contents: [user(text('y'.repeat(bytes)))] }, `${name}:generateContent`)
    await ask()
    const { cachedContentTokenCount = 0 } = (await ask()).body['usageMetadata'] as { cachedContentTokenCount?: number }
    return cachedContentTokenCount
  }

  test.each([
    [PRO, 1_024],
    ['gemini-4-argon', 6_144],
  ])('of %s are cached in blocks of 256 from %i on', async (name, from) => {
    const simulator = await start()
    expect(await cachedOf(simulator, 4 * from - 600, name)).toBe(0)
    expect(await cachedOf(simulator, 4 * from + 600, name)).toBe(from)
    expect(await cachedOf(simulator, 4 * (from + 256) + 600, name)).toBe(from + 256)
  })
})

describe('faults', () => {
  test('are those of the table, in words and in code', () => {
    const rows = [...readme.matchAll(/^\| (`[^|]+) \|/gm)].map(([, names = '']) =>
      [...names.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name),
    )
    expect(new Set(rows.flat())).toEqual(new Set(FAULTS))
    expect(rows.slice(0, 6).flat()).toHaveLength(8)
  })

  test('of the first six rows hit counts and embeddings too, the others wait for a model', async () => {
    const simulator = await start()
    const count = async () => (await post(simulator, hello(), `${PRO}:countTokens`).catch(() => ({ http: 0 }))).http
    const first: readonly Fault[] = [
      'overloaded',
      'internal',
      'rate-limited',
      'quota-exhausted',
      'reset',
      'cut',
      'stream-error',
    ]
    const statuses: number[] = []
    for (const fault of first) {
      simulator.failNext(fault)
      statuses.push(await count())
    }
    expect(statuses).toEqual([503, 500, 429, 429, 0, 0, 503])
    simulator.failNext('empty')
    expect(await count()).toBe(200)
    expect(candidate((await post(simulator, hello())).body)?.finishReason).toBe('STOP')
    expect(simulator.ledger.map(({ fault }) => fault)).toEqual([...first, undefined, 'empty'])
  })
})

test('the ledger has the fields the README names, and no other', async () => {
  const simulator = await playing({ match: '', turns: [{ text: 'x', fault: 'overloaded', faultTimes: 1 }] })
  for (let requests = 0; requests < 2; requests++) await post(simulator, hello())
  await post(simulator, {})
  const named = /A line of JSON for each request: ([^.]*)\./.exec(readme.replaceAll('\n', ' '))?.[1] ?? ''
  const fields = [...named.replaceAll(/\([^)]*\)/g, '').matchAll(/`(\w+)`/g)].map(([, name]) => name)
  expect(new Set(simulator.ledger.flatMap((entry) => Object.keys(entry)))).toEqual(new Set(fields))
})
