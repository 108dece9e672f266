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

interface Mark {
  readonly at: number
  readonly mark: string
  /** At the same place closing marks come first, the innermost of them before the others. */
  readonly order: number
}

/** A styled text in WhatsApp's own markup; a link shows its address. Spans stand outermost first. */
export function written({ text, spans }: StyledText): string {
  const marks = spans.flatMap((span, index): Mark[] => {
    const [before, after] = marksOf(span, text)
    return [
      { at: span.offset, mark: before, order: index },
      { at: span.offset + span.length, mark: after, order: -1 - index },
    ]
  })
  let result = ''
  let from = 0
  for (const { at, mark } of marks.toSorted((one, other) => one.at - other.at || one.order - other.order)) {
    result += text.slice(from, at) + mark
    from = at
  }
  return result + text.slice(from)
}

/** What a span adds to its text, at most. */
export const spanCost = (span: Span): number => marksOf(span, '').join('').length

const marksOf = (span: Span, text: string): readonly [before: string, after: string] =>
  span.style === 'link' ? linkMarks(span, text) : MARKS[span.style]

/** An address that is longer is read by nobody, and would leave no room for the text. */
const MAX_URL = 1_000

function linkMarks({ offset, length, url = '' }: Span, text: string): readonly [string, string] {
  return ['', url.length > MAX_URL || text.slice(offset, offset + length) === url ? '' : ` (${url})`]
}
