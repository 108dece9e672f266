import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGeminiSimulator, type GeminiSimulator } from '../../simulators/gemini/server.ts'
import {
  functionCall,
  functionResponse,
  hello,
  line,
  model,
  post,
  refusalOf,
  text,
  user,
} from '../support/gemini-http.ts'

let simulator: GeminiSimulator
beforeAll(async () => {
  simulator = await startGeminiSimulator({ script: { tasks: [{ match: '', turns: [] }] } })
})
afterAll(() => simulator.close())

const refused = (message: string) => ({ http: 400, status: 'INVALID_ARGUMENT', message })
const config = (generationConfig: object) => hello({ generationConfig })
const declare = (...functionDeclarations: readonly object[]) => hello({ tools: [{ functionDeclarations }] })

describe('a file', () => {
  const PNG = Buffer.from('89504e470d0a1a0a', 'hex').toString('base64')
  const at = '* GenerateContentRequest.contents[0].parts[0].inline_data'
  const file = (inlineData: object) => ({ contents: [user({ inlineData }, { text: 'What is this?' })] })

  test.each([
    { mimeType: 'image/png', data: PNG },
    { mimeType: 'application/pdf', data: Buffer.from('%PDF-1.7').toString('base64url') },
  ])('passes that is what it says: %j', async (inlineData) => {
    expect((await post(simulator, file(inlineData))).http).toBe(200)
  })

  test.each<[object, string]>([
    [{ data: PNG }, `${at}.mime_type: required field is not set.`],
    [{ mimeType: 'image/png' }, `${at}.data: required field is not set.`],
    [{ mimeType: 'application/zip', data: PNG }, `${at}: Unsupported MIME type: application/zip`],
    [{ mimeType: 'image/jpeg', data: PNG }, `${at}: Unable to process input image.`],
    [{ mimeType: 'image/png', data: `${PNG.slice(0, -1)}AA` }, `${at}.data: Base64 decoding failed.`],
  ])('is refused that says nothing or something else: %j', async (inlineData, message) => {
    expect(await refusalOf(simulator, file(inlineData))).toEqual(refused(`${message}\n`))
  })
})

describe('JSON that does not fit the request is refused in the words of the transcoder', () => {
  const unknown = (name: string, at: string) =>
    `Invalid JSON payload received. Unknown name "${name}"${at}: Cannot find field.`
  test.each<[string, unknown, string]>([
    ['an unknown field', hello({ surprise: 1 }), unknown('surprise', '')],
    [
      'an unknown field of a part',
      { contents: [user({ text: 'x', surprise: 1 })] },
      unknown('surprise', " at 'contents[0].parts[0]'"),
    ],
    [
      'an unknown field of a declaration',
      declare({ name: 'f', strict: true }),
      unknown('strict', " at 'tools[0].function_declarations[0]'"),
    ],
    ['a field of Vertex alone', config({ routingConfig: {} }), unknown('routingConfig', " at 'generation_config'")],
    ['two unknown fields', hello({ a: 1, b: 2 }), `${unknown('a', '')}\n${unknown('b', '')}`],
    [
      'a number for a text',
      { contents: [user({ text: 5 })] },
      "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING), 5",
    ],
    [
      'a text for a flag',
      { contents: [user({ text: 'x', thought: 'yes' })] },
      `Invalid value at 'contents[0].parts[0].thought' (TYPE_BOOL), "yes"`,
    ],
    [
      'a fraction for a whole number',
      config({ maxOutputTokens: 1.5 }),
      "Invalid value at 'generation_config.max_output_tokens' (TYPE_INT32), 1.5",
    ],
    [
      'words for a number',
      config({ temperature: 'hot' }),
      `Invalid value at 'generation_config.temperature' (TYPE_DOUBLE), "hot"`,
    ],
    [
      'a signature that is not Base64',
      { contents: [model({ text: 'x', thoughtSignature: 'ü' })] },
      `Invalid value at 'contents[0].parts[0].thought_signature' (TYPE_BYTES), Base64 decoding failed for "ü"`,
    ],
    [
      'arguments that are no object',
      { contents: [model({ functionCall: { name: 'f', args: 'x' } })] },
      `Invalid value at 'contents[0].parts[0].function_call.args' (struct), "x"`,
    ],
    [
      'a list for one value',
      hello({ systemInstruction: [text('x')] }),
      'Invalid JSON payload received. Unknown name "systemInstruction": Proto field is not repeating, cannot start list.',
    ],
    [
      'two kinds of data in one part',
      { contents: [user({ text: 'x', functionCall: { name: 'f' } })] },
      "Invalid value at 'contents[0].parts[0]' (oneof), oneof field 'data' is already set. Cannot set 'functionCall'",
    ],
  ])('%s', async (_, body, words) => {
    expect(await refusalOf(simulator, body)).toEqual(refused(words))
  })

  test('an unknown word of an enum, with the enum’s full name', async () => {
    const { message } = await post(simulator, hello({ toolConfig: { functionCallingConfig: { mode: 'MAYBE' } } }))
    expect(message).toBe(
      `Invalid value at 'tool_config.function_calling_config.mode' (type.googleapis.com/google.ai.generativelanguage.v1beta.FunctionCallingConfig.Mode), "MAYBE"`,
    )
  })

  test('text that is no JSON, and more than 20 MiB of it', async () => {
    expect((await post(simulator, '{"contents":')).message).toMatch(/^Invalid JSON payload received\. /)
    expect(await refusalOf(simulator, Buffer.alloc(20_971_521, ' '))).toEqual(
      refused('Request payload size exceeds the limit: 20971520 bytes.'),
    )
  })
})

describe('contents are refused', () => {
  const range = (field: string, from: number, to: number) =>
    line(`generation_config.${field}: ${field} must be in the range [${from}, ${to}].`)
  test.each<[string, unknown, string]>([
    ['when there are none', {}, line('contents: contents is not specified')],
    ['when their list is empty', { contents: [] }, line('contents: contents is not specified')],
    ['without parts', { contents: [user()] }, line('contents[0].parts: contents.parts must not be empty.')],
    [
      'with a part that says nothing',
      { contents: [user({ thought: true })] },
      line("contents[0].parts[0].data: required oneof field 'data' must have one initialized field"),
    ],
    [
      'with a call of nothing',
      { contents: [user(text('x')), model({ functionCall: { args: {} } })] },
      line('contents[1].parts[0].function_call.name: Name cannot be empty.'),
    ],
    [
      'with a response to nothing',
      { contents: [user({ functionResponse: { name: '', response: {} } })] },
      line('contents[0].parts[0].function_response.name: Name cannot be empty.'),
    ],
    [
      'with an empty system instruction',
      hello({ systemInstruction: { parts: [] } }),
      line('system_instruction.parts: contents.parts must not be empty.'),
    ],
    ['with a temperature of 3', config({ temperature: 3 }), range('temperature', 0, 2)],
    ['with a topP of -1', config({ topP: -1 }), range('top_p', 0, 1)],
    ['with no output tokens', config({ maxOutputTokens: 0 }), range('max_output_tokens', 1, 65_536)],
    ['with 9 candidates', config({ candidateCount: 9 }), range('candidate_count', 1, 8)],
  ])('%s', async (_, body, words) => {
    expect(await refusalOf(simulator, body)).toEqual(refused(words))
  })
})

describe('who speaks when is refused', () => {
  const CALL_ORDER =
    'Please ensure that function call turn comes immediately after a user turn or after a function response turn.'
  const RESPONSE_ORDER = 'Please ensure that function response turn comes immediately after a function call turn.'
  const NUMBERS =
    'Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.'
  const ends = 'Requests ending with a model turn are not supported.'
  const asked = user(text('x'))
  const called = model(functionCall('f'), functionCall('g', 'c2'))
  test.each<[string, readonly object[], string]>([
    ['a role of its own', [{ role: 'assistant', parts: [text('x')] }], 'Please use a valid role: user, model.'],
    ['no role among several contents', [{ parts: [text('x')] }, asked], 'Please use a valid role: user, model.'],
    ['the model first', [model(text('x')), asked], 'Please ensure that the first content is a user turn.'],
    ['a call first', [called, asked], CALL_ORDER],
    ['the model last', [asked, model(text('x'))], ends],
    ['a call of the user', [user(functionCall('f'))], CALL_ORDER],
    ['a call after the model', [asked, model(text('x')), called], CALL_ORDER],
    ['a response of the model', [asked, model(functionResponse('f'))], RESPONSE_ORDER],
    ['a response without a call', [asked, user(functionResponse('f'))], RESPONSE_ORDER],
    ['a call without a response', [asked, called, asked], NUMBERS],
    ['one response to two calls', [asked, called, user(functionResponse('f'))], NUMBERS],
    [
      'a response two contents later',
      [asked, called, asked, user(functionResponse('f'), functionResponse('g', 'c2'))],
      NUMBERS,
    ],
    [
      'responses in another order',
      [asked, called, user(functionResponse('g', 'c2'), functionResponse('f'))],
      'Please ensure that the function response ids are equal to the function call ids, in the same order.',
    ],
    [
      'a response under another name',
      [asked, called, user(functionResponse('x'), functionResponse('g', 'c2'))],
      'Please ensure that the function response name is equal to the function call name.',
    ],
    [
      'a call beside a response',
      [asked, called, user(functionResponse('f'), functionResponse('g', 'c2'), functionCall('g'))],
      'Please ensure that function call turn contains at least one function_call part which can not be mixed with function_response parts.',
    ],
    [
      'text beside responses',
      [asked, called, user(functionResponse('f'), functionResponse('g', 'c2'), text('and'))],
      ends,
    ],
  ])('%s', async (_, contents, words) => {
    expect(await refusalOf(simulator, { contents })).toEqual(refused(words))
  })
})
