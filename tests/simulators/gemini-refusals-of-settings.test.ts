import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGeminiSimulator, type GeminiSimulator } from '../../simulators/gemini/server.ts'
import { hello, line, post, PRO, refusalOf, text, user } from '../support/gemini-http.ts'

let simulator: GeminiSimulator
beforeAll(async () => {
  simulator = await startGeminiSimulator({ script: { tasks: [{ match: '', turns: [] }] } })
})
afterAll(() => simulator.close())

const refused = (message: string) => ({ http: 400, status: 'INVALID_ARGUMENT', message })
const config = (generationConfig: object) => hello({ generationConfig })
const declare = (...functionDeclarations: readonly object[]) => hello({ tools: [{ functionDeclarations }] })
const withSchema = (responseJsonSchema: unknown) => config({ responseMimeType: 'application/json', responseJsonSchema })

describe('tools are refused', () => {
  const name = line(
    'tools[0].function_declarations[0].name: Invalid function name. Must start with a letter or an underscore. Must be alphameric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:) or dashes (-), with a maximum length of 128.',
  )
  const at = (field: string, words: string) => line(`tools[0].function_declarations[0].${field}${words}`)
  const calling = (functionCallingConfig: object, names: readonly string[]) => ({
    ...declare(...names.map((declared) => ({ name: declared }))),
    toolConfig: { functionCallingConfig },
  })
  test.each<[string, unknown, string]>([
    [
      'that are empty',
      hello({ tools: [{}] }),
      line("tools[0].tool_type: required one_of 'tool_type' must have one initialized field"),
    ],
    ['with a name that begins with a digit', declare({ name: '1st' }), name],
    ['with a name of 129 letters', declare({ name: 'a'.repeat(129) }), name],
    [
      'with both kinds of parameters',
      declare({ name: 'f', parameters: { type: 'STRING' }, parametersJsonSchema: { type: 'object' } }),
      at('', ': parameters and parameters_json_schema must not both be set.').replace('].:', ']:'),
    ],
    [
      'with parameters that are no object',
      declare({ name: 'f', parametersJsonSchema: { type: 'string' } }),
      at('parameters_json_schema', ': must describe an object.'),
    ],
    [
      'with a list of nothing',
      declare({ name: 'f', parameters: { type: 'ARRAY' } }),
      at('parameters.items', ': missing field.'),
    ],
    [
      'with an object of nothing',
      declare({ name: 'f', parameters: { type: 'OBJECT' } }),
      at('parameters.properties', ': should be non-empty for OBJECT type'),
    ],
    [
      'that require what is not there',
      declare({ name: 'f', parameters: { type: 'OBJECT', properties: { a: { type: 'STRING' } }, required: ['b'] } }),
      at('parameters.required[0]', ': property is not defined'),
    ],
    ['declared twice', declare({ name: 'f' }, { name: 'f' }), 'Duplicate function declaration found: f'],
    [
      'that are 513',
      declare(...Array.from({ length: 513 }, (_tool, index) => ({ name: `f${index}` }))),
      'The number of function declarations must not exceed 512.',
    ],
    [
      'with a calling mode for no function',
      hello({ toolConfig: { functionCallingConfig: { mode: 'ANY' } } }),
      'Function calling config is set without function_declarations.',
    ],
    [
      'with allowed names in mode AUTO',
      calling({ mode: 'AUTO', allowedFunctionNames: ['f'] }, ['f']),
      'Allowed function names can be set only when the function calling mode is ANY or VALIDATED.',
    ],
    [
      'with an allowed name nobody declared',
      calling({ mode: 'ANY', allowedFunctionNames: ['g'] }, ['f']),
      'Allowed function name `g` is not among the function declarations.',
    ],
  ])('%s', async (_, body, words) => {
    expect(await refusalOf(simulator, body)).toEqual(refused(words))
  })
})

describe('a schema for the answer is refused', () => {
  const at = (words: string) => line(`generation_config.response_json_schema${words}.`)
  const only = { type: 'object', properties: { a: { type: 'string' } } }
  test.each<[string, unknown, string]>([
    [
      'with a word it does not know',
      withSchema({ type: 'string', minLength: 1 }),
      at(': keyword "minLength" is not supported'),
    ],
    ['with a type that does not exist', withSchema({ type: 'text' }), at('.type: unknown type "text"')],
    ['that is a word', withSchema('string'), at(': must be a JSON Schema object')],
    ['with required words that are no list', withSchema({ ...only, required: 'a' }), at('.required: must be a list')],
    [
      'that requires what is not there',
      withSchema({ ...only, required: ['b'] }),
      at('.required: property "b" is not defined'),
    ],
    [
      'with properties that are a list',
      withSchema({ type: 'object', properties: [] }),
      at('.properties: must be an object'),
    ],
    [
      'with words beside $ref',
      withSchema({ $defs: { x: only }, properties: { a: { $ref: '#/$defs/x', type: 'object' } } }),
      at('.properties[a]: no other field may be set beside "$ref", except those starting with "$"'),
    ],
    [
      'deep inside',
      withSchema({ anyOf: [{ type: 'array', items: { pattern: '^a' } }] }),
      at('.anyOf[0].items: keyword "pattern" is not supported'),
    ],
    [
      'without a mime type for it',
      config({ responseJsonSchema: only }),
      "A response schema needs the response mime type 'application/json'.",
    ],
    [
      'in two forms',
      config({ responseMimeType: 'application/json', responseJsonSchema: only, responseSchema: { type: 'STRING' } }),
      'Only one of response_schema and response_json_schema can be set.',
    ],
  ])('%s', async (_, body, words) => {
    expect(await refusalOf(simulator, body)).toEqual(refused(words))
  })
})

describe('what a model does not know (any more) is refused', () => {
  const thinking = (thinkingConfig: object) => config({ thinkingConfig })
  const json = { ...declare({ name: 'f' }), generationConfig: { responseMimeType: 'application/json' } }
  test.each<[string, unknown, string]>([
    [
      `${PRO}: budget and level together`,
      thinking({ thinkingBudget: 1, thinkingLevel: 'LOW' }),
      'You can only set only one of thinking budget and thinking level.',
    ],
    [`${PRO}: XHIGH`, thinking({ thinkingLevel: 'XHIGH' }), 'Thinking level XHIGH is not supported for this model.'],
    ['gemini-2.5-pro: a level', thinking({ thinkingLevel: 'LOW' }), 'Thinking level is not supported for this model.'],
    [
      'gemini-2.5-pro: calls beside JSON',
      json,
      "Function calling with a response mime type: 'application/json' is unsupported",
    ],
    [
      'gemini-4-argon: MINIMAL',
      thinking({ thinkingLevel: 'MINIMAL' }),
      'Thinking level MINIMAL is not supported for this model.',
    ],
    ['gemini-4-argon: a penalty', config({ presencePenalty: 0.5 }), 'Penalty is not enabled for this model.'],
    [
      'gemini-4-argon: 2 candidates',
      config({ candidateCount: 2 }),
      'Multiple candidates is not enabled for this model.',
    ],
    [
      'gemini-4-argon: an explicit cache',
      hello({ cachedContent: 'cachedContents/1' }),
      'Explicit context caching is not supported for this model.',
    ],
    [
      'gemini-4-argon: a continuation nobody offered',
      hello({ continuationToken: 'eA==' }),
      'Invalid continuation token.',
    ],
  ])('%s', async (name, body, words) => {
    expect(await refusalOf(simulator, body, `${name.split(':')[0]}:generateContent`)).toEqual(refused(words))
  })

  test('and what it does know is answered', async () => {
    const known: readonly [string, unknown][] = [
      ['gemini-4-neon', thinking({ thinkingLevel: 'XHIGH' })],
      ['gemini-2.5-pro', thinking({ thinkingBudget: 0 })],
      ['gemini-4-argon', config({ candidateCount: 1, temperature: 2, topK: 64 })],
      [PRO, thinking({ thinkingLevel: 'minimal' })],
    ]
    for (const [name, body] of known) expect((await post(simulator, body, `${name}:generateContent`)).message).toBe('')
  })
})

describe('counts and embeddings are refused', () => {
  const one = (more: object = {}) => ({ model: 'models/gemini-embedding-001', content: user(text('x')), ...more })
  const batch = (...requests: readonly object[]) => ({ requests })
  const BATCH = '* BatchEmbedContentsRequest.requests'

  test.each<[string, unknown, string]>([
    ['of nothing', {}, '* CountTokensRequest.contents: contents is not specified\n'],
    [
      'of two things',
      hello({ generateContentRequest: hello() }),
      '* CountTokensRequest: contents and generate_content_request must not both be set.\n',
    ],
  ])('a count %s', async (_, body, words) => {
    expect(await refusalOf(simulator, body, `${PRO}:countTokens`)).toEqual(refused(words))
  })

  test.each<[string, unknown, string]>([
    ['no texts', batch(), `${BATCH}: requests is not specified\n`],
    [
      '101 texts',
      batch(...Array.from({ length: 101 }, () => one())),
      `${BATCH}: at most 100 requests can be in one batch\n`,
    ],
    [
      'another model',
      batch(one({ model: 'models/x' })),
      `${BATCH}[0].model: must be models/gemini-embedding-001, the model of the URL\n`,
    ],
    [
      '4,000 dimensions',
      batch(one({ outputDimensionality: 4_000 })),
      `${BATCH}[0].output_dimensionality: must be in the range [1, 3072]\n`,
    ],
  ])('embeddings of %s', async (_, body, words) => {
    expect(await refusalOf(simulator, body, 'gemini-embedding-001:batchEmbedContents')).toEqual(refused(words))
  })

  test('an embedding of no text', async () => {
    const words = '* EmbedContentRequest.content: content is not specified\n'
    expect(await refusalOf(simulator, {}, 'gemini-embedding-2:embedContent')).toEqual(refused(words))
  })
})
