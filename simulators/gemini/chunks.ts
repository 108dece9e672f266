import type { Answer, Candidate } from './answer.ts'
import type { Part } from './request.ts'
import { usageMetadataOf } from './usage.ts'

/** A text is streamed in at most so many pieces. */
const TEXT_PIECES = 4
/** Shorter pieces than this (in characters) are not worth a chunk. */
const SHORTEST_PIECE = 8

/** The body of a `generateContent` answer. */
export const wholeResponse = (answer: Answer): object =>
  responseOf(answer, { parts: answer.candidate?.parts ?? [], share: 1, last: true })

/** The bodies of a `streamGenerateContent` answer: running usage in each, the finish reason in the last. */
export function streamedResponses(answer: Answer): object[] {
  const pieces = answer.candidate ? piecesOf(answer.candidate) : []
  if (pieces.length === 0) return [wholeResponse(answer)]
  return pieces.map((parts, index) =>
    responseOf(answer, { parts, share: (index + 1) / pieces.length, last: index === pieces.length - 1 }),
  )
}

/** Each thought and call comes in a chunk of its own, a text in some. */
const piecesOf = ({ parts }: Candidate): Part[][] =>
  parts.flatMap((part) => {
    const { text } = part
    if (text === undefined || part.thought === true || part.thoughtSignature !== undefined) return [[part]]
    return splitText(text).map((piece) => [{ text: piece }])
  })

/** Cuts between characters, never inside a surrogate pair: each chunk is JSON of its own. */
function splitText(text: string): string[] {
  const characters = Array.from(text)
  const size = Math.max(Math.ceil(characters.length / TEXT_PIECES), SHORTEST_PIECE)
  const pieces: string[] = []
  for (let start = 0; start < characters.length; start += size)
    pieces.push(characters.slice(start, start + size).join(''))
  return pieces.length > 0 ? pieces : ['']
}

function responseOf(
  answer: Answer,
  { parts, share, last }: { parts: readonly Part[]; share: number; last: boolean },
): object {
  const { candidate, blockReason, usage, model, responseId } = answer
  return {
    ...(candidate && { candidates: [candidateJson(candidate, parts, last)] }),
    ...(blockReason !== undefined && { promptFeedback: { blockReason } }),
    usageMetadata: usageMetadataOf(usage, share),
    modelVersion: model,
    responseId,
  }
}

function candidateJson(candidate: Candidate, parts: readonly Part[], last: boolean): object {
  const { finishReason, finishMessage, continuationToken } = candidate
  return {
    content: parts.length > 0 ? { role: 'model', parts } : { role: 'model' },
    index: 0,
    ...(last && { finishReason }),
    ...(last && finishMessage !== undefined && { finishMessage }),
    ...(last && continuationToken !== undefined && { continuationToken }),
  }
}
