import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Part } from '../../simulators/gemini/request.ts'
import { startGeminiSimulator, type GeminiSimulator } from '../../simulators/gemini/server.ts'
import { functionResponse, model, post, PRO, text, user } from '../support/gemini-http.ts'

const CALLS = [
  { name: 'read_file', args: { path: 'a', deep: { z: 1, a: [2] } } },
  { name: 'read_file', args: { path: 'b' } },
]
const ARGON = 'gemini-4-argon'

let simulator: GeminiSimulator
beforeAll(async () => {
  const script = ({ turn }: { turn: number }) => (turn < 2 ? { calls: CALLS } : { text: 'Both are fine.' })
  simulator = await startGeminiSimulator({ script })
})
afterAll(() => simulator.close())

type Turn = ReturnType<typeof user> | ReturnType<typeof model>
const asked: Turn = user(text('Look at both'))
const vertex = (name: string) => `/v1beta1/projects/p/locations/l/publishers/google/models/${name}:generateContent`

async function partsOf(contents: readonly Turn[], name = PRO): Promise<Part[]> {
  const { body } = await post(simulator, { contents }, `${name}:generateContent`)
  return (body['candidates'] as { content: { parts: Part[] } }[])[0]?.content.parts ?? []
}
const responsesTo = (parts: readonly Part[]): Turn =>
  user(...parts.flatMap(({ functionCall }) => (functionCall ? [functionResponse('read_file', functionCall.id)] : [])))
/** A conversation of two answered turns with calls. */
async function twoTurns(name = PRO): Promise<[Turn, Turn, Turn, Turn, Turn]> {
  const first = await partsOf([asked], name)
  const begun = [asked, model(...first), responsesTo(first)] as const
  const second = await partsOf(begun, name)
  return [...begun, model(...second), responsesTo(second)]
}
/** The contents with one part of one of them changed. */
function changed(contents: readonly Turn[], index: number, change: (part: Part) => Part): Turn[] {
  return contents.map((content, place) => {
    if (place !== index) return content
    const [first, ...rest] = content.parts as [Part, ...Part[]]
    return { ...content, parts: [change(first), ...rest] }
  })
}
const unsigned = ({ thoughtSignature, ...part }: Part): Part => part
const signed =
  (thoughtSignature: string) =>
  (part: Part): Part => ({ ...part, thoughtSignature })
/** What the simulator says, and what it notes about the signatures. */
async function verdictOn(contents: readonly Turn[], to = `${PRO}:generateContent`) {
  const { message } = await post(simulator, { contents }, to)
  return [message, simulator.ledger.at(-1)?.signatures]
}
const missing = (position: number) =>
  `Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call \`default_api:read_file\` , position ${position}. Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details.`

describe('the signatures of the current turn', () => {
  test('pass as they came, whatever a database did to the order of keys in the arguments', async () => {
    const contents = await twoTurns()
    expect(await verdictOn(contents)).toEqual(['', 'verified'])
    const reordered = changed(contents, 1, (part) => ({
      ...part,
      functionCall: { ...part.functionCall, args: { deep: { a: [2], z: 1 }, path: 'a' } },
    }))
    expect(await verdictOn(reordered)).toEqual(['', 'verified'])
  })

  test.each([1, 3])('must all be there: the first call of content %i names its place', async (index) => {
    const contents = changed(await twoTurns(), index, unsigned)
    expect(await verdictOn(contents)).toEqual([missing(index + 1), 'missing'])
  })

  test('are told to be missing by Vertex in its own words', async () => {
    const contents = changed(await twoTurns(), 1, unsigned)
    expect(await verdictOn(contents, vertex(PRO))).toEqual([
      'Unable to submit request because function call `default_api:read_file` in the 2. content block is missing a `thought_signature`. Learn more: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/thought-signatures',
      'missing',
    ])
  })

  test.each<[string, (part: Part) => Part]>([
    [
      'another call',
      (part) => ({ ...part, functionCall: { ...part.functionCall, name: 'read_file', args: { path: '/etc' } } }),
    ],
    ['another id', (part) => ({ ...part, functionCall: { ...part.functionCall, id: 'c1' } })],
    ['one byte less', (part) => ({ ...part, thoughtSignature: part.thoughtSignature?.slice(4) ?? '' })],
    ['another alphabet', (part) => ({ ...part, thoughtSignature: `${part.thoughtSignature}`.replace(/^./, '_') })],
    ['no signature at all', signed('')],
  ])('must belong to the call: not to %s', async (_, change) => {
    const contents = changed(await twoTurns(), 3, change)
    const [, responses] = contents.slice(-2) as [Turn, Turn]
    const id = (contents[3]?.parts as Part[] | undefined)?.[0]?.functionCall?.id
    const matching = changed(
      [...contents.slice(0, 4), responses],
      4,
      (part) => ({ functionResponse: { ...part.functionResponse, id } }) as Part,
    )
    expect(await verdictOn(matching)).toEqual(['Corrupted thought signature.', 'corrupted'])
  })

  test('belong to the model that gave them, and Vertex has other words for it', async () => {
    const contents = await twoTurns()
    expect(await verdictOn(contents, `${ARGON}:generateContent`)).toEqual(['Corrupted thought signature.', 'corrupted'])
    expect(await verdictOn(contents, vertex(ARGON))).toEqual(['Invalid thought signature.', 'corrupted'])
  })

  test('are neither given nor asked for before Gemini 3', async () => {
    const contents = await twoTurns('gemini-2.5-pro')
    expect(JSON.stringify(contents)).not.toContain('thoughtSignature')
    expect(await verdictOn(contents, 'gemini-2.5-pro:generateContent')).toEqual(['', 'none'])
  })
})

describe('the signatures of older turns', () => {
  const next = user(text('And now?'))

  test('may be left out, but not be wrong', async () => {
    const contents = [...(await twoTurns()), next]
    const bare = changed(changed(contents, 1, unsigned), 3, unsigned)
    expect(await verdictOn(bare)).toEqual(['', 'none'])
    expect(await verdictOn(changed(contents, 1, signed('QUJD')))).toEqual(['Corrupted thought signature.', 'corrupted'])
  })

  test('of a text belong to the whole text and stay in their own part', async () => {
    const contents = await twoTurns()
    const parts = await partsOf(contents)
    const [said, closing] = parts as [Part, Part]
    expect(parts).toEqual([{ text: 'Both are fine.' }, { text: '', thoughtSignature: expect.any(String) }])
    expect(await verdictOn([...contents, model(said, closing), next])).toEqual(['', 'verified'])
    expect(await verdictOn([...contents, model(said), next])).toEqual(['', 'verified'])
    const { thoughtSignature = '' } = closing
    for (const moved of [
      [{ ...said, thoughtSignature }],
      [{ text: 'Both are bad.' }, closing],
      [closing, closing, said, said],
    ])
      expect(await verdictOn([...contents, model(...moved), next])).toEqual([
        'Corrupted thought signature.',
        'corrupted',
      ])
  })
})

describe('sentinels', () => {
  test('stand for signatures of another model, and the ledger tells', async () => {
    for (const sentinel of ['skip_thought_signature_validator', 'context_engineering_is_the_way_to_go'])
      expect(await verdictOn(changed(await twoTurns(), 1, signed(sentinel)))).toEqual(['', 'sentinel'])
  })

  test('are one less on Vertex', async () => {
    const contents = await twoTurns()
    const skipped = changed(contents, 1, signed('skip_thought_signature_validator'))
    expect(await verdictOn(skipped, vertex(PRO))).toEqual(['', 'sentinel'])
    const other = changed(contents, 1, signed('context_engineering_is_the_way_to_go'))
    expect(await verdictOn(other, vertex(PRO))).toEqual(['Invalid thought signature.', 'corrupted'])
  })
})
