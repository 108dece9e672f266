import type { Content } from './request.ts'

/** The fields of a part of which exactly one is set. */
const DATA_FIELDS = [
  'text',
  'inlineData',
  'functionCall',
  'functionResponse',
  'fileData',
  'executableCode',
  'codeExecutionResult',
  'toolCall',
  'toolResponse',
]

/** The lines of the service's validator about contents that say nothing or a part that says two things. */
export function contentProblems(content: Content, path: string): string[] {
  if (!content.parts || content.parts.length === 0) return [`* ${path}.parts: contents.parts must not be empty.`]
  return content.parts.flatMap((part, index) => {
    const at = `${path}.parts[${index}]`
    const data = DATA_FIELDS.filter((field) => Object.hasOwn(part, field))
    if (data.length === 0) return [`* ${at}.data: required oneof field 'data' must have one initialized field`]
    if (part.functionCall && !part.functionCall.name) return [`* ${at}.function_call.name: Name cannot be empty.`]
    if (part.functionResponse && !part.functionResponse.name)
      return [`* ${at}.function_response.name: Name cannot be empty.`]
    return []
  })
}

/** The transcoder's word about a part with two kinds of data, or undefined. */
export function doubledData(content: Content, path: string): string | undefined {
  for (const [index, part] of (content.parts ?? []).entries()) {
    const [, second] = DATA_FIELDS.filter((field) => Object.hasOwn(part, field))
    if (second !== undefined)
      return `Invalid value at '${path}.parts[${index}]' (oneof), oneof field 'data' is already set. Cannot set '${second}'`
  }
  return undefined
}
