import { invalidArgument } from './errors.ts'
import { callsOf, responsesOf, type Content } from './request.ts'

const ORDER_OF_CALLS =
  'Please ensure that function call turn comes immediately after a user turn or after a function response turn.'
const ORDER_OF_RESPONSES = 'Please ensure that function response turn comes immediately after a function call turn.'
const EQUAL_NUMBERS =
  'Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.'
const MIXED =
  'Please ensure that function call turn contains at least one function_call part which can not be mixed with function_response parts.'
const ENDS_WITH_MODEL = 'Requests ending with a model turn are not supported.'

/** The rules of who speaks when, and of calls with their responses. Throws the first breach. */
export function checkTurns(contents: readonly Content[], generation: 2 | 3 | 4): void {
  contents.forEach((content, index) => checkRole(content, index, contents.length))
  if (contents[0]?.role === 'model')
    throw invalidArgument(
      callsOf(contents[0]).length > 0 ? ORDER_OF_CALLS : 'Please ensure that the first content is a user turn.',
      'contents[0]: role model',
    )
  contents.forEach((content, index) => {
    const position: Position = { contents, content, index, generation }
    checkMixture(position)
    if (responsesOf(content).length > 0) checkResponseTurn(position)
    if (callsOf(content).length > 0) checkCallTurn(position)
  })
  if (generation > 2 && contents.at(-1)?.role === 'model')
    throw invalidArgument(ENDS_WITH_MODEL, `contents[${contents.length - 1}]: role model`)
}

interface Position {
  readonly contents: readonly Content[]
  readonly content: Content
  readonly index: number
  readonly generation: 2 | 3 | 4
}

/** A role may be left out of a request with a single content. */
function checkRole({ role }: Content, index: number, count: number): void {
  if (role === 'user' || role === 'model' || (role === undefined && count === 1)) return
  throw invalidArgument('Please use a valid role: user, model.', `contents[${index}]: role ${JSON.stringify(role)}`)
}

/** From Gemini 3 on a content with function responses holds nothing else: a part beside them breaks the turn. */
function checkMixture({ content, index, generation }: Position): void {
  const responses = responsesOf(content).length
  if (responses === 0) return
  if (callsOf(content).length > 0) throw invalidArgument(MIXED, `contents[${index}]`)
  if (generation > 2 && responses < content.parts.length)
    throw invalidArgument(ENDS_WITH_MODEL, `contents[${index}]: other parts beside function responses`)
}

function checkResponseTurn({ contents, content, index }: Position): void {
  if (content.role === 'model') throw invalidArgument(ORDER_OF_RESPONSES, `contents[${index}]: responses in role model`)
  if (callsOf(contents[index - 1]).length === 0)
    throw invalidArgument(ORDER_OF_RESPONSES, `contents[${index}]: no calls before it`)
}

function checkCallTurn({ contents, content, index }: Position): void {
  if (content.role !== 'model') throw invalidArgument(ORDER_OF_CALLS, `contents[${index}]: calls in role user`)
  if (contents[index - 1]?.role === 'model')
    throw invalidArgument(ORDER_OF_CALLS, `contents[${index}]: after another model turn`)
  const calls = callsOf(content)
  const responses = responsesOf(contents[index + 1])
  if (calls.length !== responses.length)
    throw invalidArgument(EQUAL_NUMBERS, `contents[${index}]: ${calls.length} calls, ${responses.length} responses`)
  calls.forEach((call, ordinal) => {
    const response = responses[ordinal]
    const at = `contents[${index + 1}].parts[${ordinal}]`
    if (response?.id !== call.id)
      throw invalidArgument(
        'Please ensure that the function response ids are equal to the function call ids, in the same order.',
        `${at}: id ${response?.id ?? 'missing'}, expected ${call.id ?? 'none'}`,
      )
    if (response?.name !== call.name)
      throw invalidArgument(
        'Please ensure that the function response name is equal to the function call name.',
        `${at}: name ${response?.name ?? 'missing'}, expected ${call.name ?? 'none'}`,
      )
  })
}
