import type { Span, StyledText } from '../../domain/chat/styled-text.ts'

/** What WhatsApp itself reads as formatting. Code in a line carries its own backticks. */
const MARKS: Readonly<Record<Exclude<Span['style'], 'link'>, readonly [before: string, after: string]>> = {
  bold: ['*', '*'],
  italic: ['_', '_'],
  strike: ['~', '~'],
  code: ['', ''],
  block: ['```', '```'],
  quote: ['> ', ''],
}

/** A styled text in WhatsApp's own markup; a link shows its address. */
export function written({ text, spans }: StyledText): string {
  const marks = spans.flatMap((span) => {
    const [before, after] = span.style === 'link' ? linkMarks(span, text) : MARKS[span.style]
    const end = span.offset + span.length
    return [
      { at: span.offset, mark: before, order: 1, length: span.length },
      { at: end, mark: after, order: 0, length: span.length },
    ]
  })
  // Where several meet, what was opened last is closed first.
  const inOrder = marks.toSorted(
    (one, other) =>
      one.at - other.at ||
      one.order - other.order ||
      (one.order === 1 ? other.length - one.length : one.length - other.length),
  )
  let result = ''
  let from = 0
  for (const { at, mark } of inOrder) {
    result += text.slice(from, at) + mark
    from = at
  }
  return result + text.slice(from)
}

function linkMarks({ offset, length, url = '' }: Span, text: string): readonly [string, string] {
  return ['', text.slice(offset, offset + length) === url ? '' : ` (${url})`]
}
