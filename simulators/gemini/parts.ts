import type { Content, Part } from './request.ts'

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
    return part.inlineData ? inlineDataProblems(part.inlineData, at) : []
  })
}

/** Types of files the models take inline, each with what its bytes begin with; text is UTF-8. */
const FILE_TYPES: Readonly<Record<string, RegExp>> = {
  'image/png': /^\x89PNG\r\n[^]\n/,
  'image/jpeg': /^\xff\xd8\xff/,
  'image/webp': /^RIFF[^]{4}WEBP/,
  'image/heic': /^[^]{4}ftyp/,
  'image/heif': /^[^]{4}ftyp/,
  'application/pdf': /^%PDF-/,
  'text/plain': /^[^\0]/,
}

/** What the service says about a file: of a type no model takes, without bytes, or that is not what its type says. */
function inlineDataProblems({ mimeType = '', data = '' }: NonNullable<Part['inlineData']>, at: string): string[] {
  const path = `* ${at}.inline_data`
  if (mimeType === '') return [`${path}.mime_type: required field is not set.`]
  const form = Object.hasOwn(FILE_TYPES, mimeType) ? FILE_TYPES[mimeType] : undefined
  if (!form) return [`${path}: Unsupported MIME type: ${mimeType}`]
  if (data === '') return [`${path}.data: required field is not set.`]
  // Both alphabets of base64 pass, padded or not; a single leftover character is no byte.
  if (data.replace(/=+$/, '').length % 4 === 1) return [`${path}.data: Base64 decoding failed.`]
  const head = Buffer.from(data.slice(0, 64), 'base64').toString('latin1')
  return form.test(head) ? [] : [`${path}: Unable to process input ${mimeType.split('/')[0]}.`]
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
