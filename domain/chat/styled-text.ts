/** A stretch of a text with a meaning, in UTF-16 units. No two cut each other. */
export interface Span {
  readonly style: SpanStyle
  readonly offset: number
  readonly length: number
  /** Of a link. */
  readonly url?: string
  /** Of a block of code. */
  readonly language?: string
}

export type SpanStyle = 'bold' | 'italic' | 'strike' | 'code' | 'block' | 'quote' | 'link'

/** Text with its styles beside it, so that no channel has to escape anything. */
export interface StyledText {
  readonly text: string
  readonly spans: readonly Span[]
}

export const plain = (text: string): StyledText => ({ text, spans: [] })

/** One text after another. */
export function joined(parts: readonly StyledText[], separator = '\n'): StyledText {
  let text = ''
  const spans: Span[] = []
  for (const [index, part] of parts.entries()) {
    if (index > 0) text += separator
    spans.push(...part.spans.map((span) => ({ ...span, offset: span.offset + text.length })))
    text += part.text
  }
  return { text, spans }
}

export const styled = (text: string, style: SpanStyle): StyledText => ({
  text,
  spans: text === '' ? [] : [{ style, offset: 0, length: text.length }],
})

/** A part of a text with the parts of its spans. */
export function sliced({ text, spans }: StyledText, from: number, to: number): StyledText {
  const kept = spans.flatMap((span) => {
    const start = Math.max(span.offset, from)
    const end = Math.min(span.offset + span.length, to)
    return start < end ? [{ ...span, offset: start - from, length: end - start }] : []
  })
  return { text: text.slice(from, to), spans: kept }
}

/**
 * Cuts a text into pieces of at most `limit` units: between paragraphs, lines or words where it can, never inside a
 * character. `spanCost` is what a channel adds for a span. Nothing is left out but the white space at a cut, and
 * of a block of code not even its indentation.
 */
export function chunksOf(whole: StyledText, bounds: Bounds): StyledText[] {
  const chunks: StyledText[] = []
  let from = 0
  while (from < whole.text.length) {
    const to = endOfChunk(whole, from, bounds)
    const chunk = sliced(whole, from, to)
    if (chunk.text.trim() !== '') chunks.push(trimmedEnd(chunk))
    from = beginOfChunk(whole, to)
  }
  return chunks
}

/** After the white space at a cut; inside a block of code only whole lines are left out, for indentation has a meaning. */
function beginOfChunk({ text, spans }: StyledText, cut: number): number {
  let begin = cut
  while (begin < text.length && /\s/.test(text.charAt(begin))) begin++
  const isInBlock = spans.some(
    ({ style, offset, length }) => style === 'block' && offset < cut && cut < offset + length,
  )
  return isInBlock ? Math.max(cut, text.lastIndexOf('\n', begin - 1) + 1) : begin
}

interface Bounds {
  readonly limit: number
  spanCost(span: Span): number
}

function endOfChunk(whole: StyledText, from: number, { limit, spanCost }: Bounds): number {
  let room = limit
  for (;;) {
    const to = Math.min(from + room, whole.text.length)
    const cost = sliced(whole, from, to).spans.reduce((sum, span) => sum + spanCost(span), to - from)
    // A single character is sent whatever it costs.
    if (cost <= limit || room <= 2) return to === whole.text.length ? to : breakBefore(whole.text, from, to)
    room = Math.max(2, room - Math.max(1, Math.floor((cost - limit) / 2)))
  }
}

/** The last good place to cut; the second half of the room is searched, so that no piece is needlessly small. */
function breakBefore(text: string, from: number, to: number): number {
  const least = from + Math.floor((to - from) / 2)
  for (const mark of ['\n\n', '\n', ' ']) {
    const at = text.lastIndexOf(mark, to - mark.length)
    if (at >= least) return at + mark.length
  }
  return isLowSurrogate(text, to) ? to - 1 : to
}

const isLowSurrogate = (text: string, at: number): boolean => {
  const unit = text.charCodeAt(at)
  return unit >= 0xdc00 && unit <= 0xdfff
}

function trimmedEnd(chunk: StyledText): StyledText {
  return sliced(chunk, 0, chunk.text.trimEnd().length)
}

/** The beginning of a text, at most so long, with a sign that something is missing. */
export function shortened(text: string, limit: number): string {
  if (text.length <= limit) return text
  const end = isLowSurrogate(text, limit - 1) ? limit - 2 : limit - 1
  return `${text.slice(0, end).trimEnd()}…`
}

/** The beginning and the end of a text of which at most so much is kept, with how much is missing between them. */
export function withoutMiddle(text: string, limit: number): string {
  if (text.length <= limit) return text
  const half = Math.floor(limit / 2)
  const from = isLowSurrogate(text, half) ? half - 1 : half
  const to = isLowSurrogate(text, text.length - half) ? text.length - half + 1 : text.length - half
  return `${text.slice(0, from)}\n[… ${to - from} characters of ${text.length} are not shown here …]\n${text.slice(to)}`
}
