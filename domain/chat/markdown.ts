import { joined, plain, styled, type StyledText } from './styled-text.ts'

/**
 * Reads the Markdown that models write: headings, lists, quotes, tables, code, bold, italic, strike-through, links.
 * What is no clear markup stays as it is: `snake_case`, `2 * 3` and `__init__` are text. Code in a line keeps its
 * backticks: what is copied out of a chat is what was written.
 */
export function fromMarkdown(markdown: string): StyledText {
  return joined(blocksOf(markdown.replaceAll('\r\n', '\n').split('\n')).map(styledBlock))
}

type Block =
  | { readonly type: 'line'; readonly text: string }
  | { readonly type: 'code'; readonly language: string; readonly lines: readonly string[] }
  | { readonly type: 'table'; readonly rows: readonly (readonly string[])[] }

const FENCE = /^\s*(`{3,}|~{3,})\s*([\w+#.-]*)/
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)+\|?\s*$/

function blocksOf(lines: readonly string[]): readonly Block[] {
  const blocks: Block[] = []
  for (let index = 0; index < lines.length;) {
    const line = lines[index] ?? ''
    const [, fence, language = ''] = FENCE.exec(line) ?? []
    if (fence !== undefined) {
      const rest = lines.slice(index + 1)
      const close = rest.findIndex((next) => next.trim().startsWith(fence))
      const code = close === -1 ? rest : rest.slice(0, close)
      blocks.push({ type: 'code', language, lines: code })
      index += code.length + (close === -1 ? 1 : 2)
    } else if (line.includes('|') && TABLE_RULE.test(lines[index + 1] ?? '')) {
      const end = lines.findIndex((next, at) => at > index + 1 && !next.includes('|'))
      const rows = [line, ...lines.slice(index + 2, end === -1 ? lines.length : end)].map(cellsOf)
      blocks.push({ type: 'table', rows })
      index += rows.length + 1
    } else {
      blocks.push({ type: 'line', text: line })
      index++
    }
  }
  return blocks
}

const cellsOf = (row: string): readonly string[] =>
  row
    .trim()
    .replace(/^\||\|$/g, '')
    .split('|')
    .map((cell) => cell.trim())

function styledBlock(block: Block): StyledText {
  switch (block.type) {
    case 'code': {
      const text = block.lines.join('\n')
      if (text.trim() === '') return plain('')
      const language = block.language === '' ? {} : { language: block.language }
      return { text, spans: [{ style: 'block', offset: 0, length: text.length, ...language }] }
    }
    case 'table':
      return styled(aligned(block.rows), 'block')
    case 'line':
      return styledLine(block.text)
  }
}

/** A table in columns: every channel has a type of fixed width, none has tables everywhere. */
function aligned(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(...rows.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => [...(row[column] ?? '')].length)),
  )
  const line = (row: readonly string[]) =>
    widths
      .map((width, column) => padded(row[column] ?? '', width))
      .join('  ')
      .trimEnd()
  const [head = [], ...body] = rows
  return [line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...body.map(line)].join('\n')
}

const padded = (cell: string, width: number): string => cell + ' '.repeat(width - [...cell].length)

function styledLine(line: string): StyledText {
  const [, heading] = /^#{1,6}\s+(.+?)\s*#*$/.exec(line) ?? []
  if (heading !== undefined) {
    const { text, spans } = inline(heading)
    return { text, spans: [...styled(text, 'bold').spans, ...spans.filter(({ style }) => style !== 'bold')] }
  }
  const [, quote] = /^>\s?(.*)$/.exec(line) ?? []
  if (quote !== undefined) {
    const text = inline(quote)
    return { text: text.text, spans: [...styled(text.text, 'quote').spans, ...text.spans] }
  }
  const [, indent = '', item] = /^(\s*)[-*+]\s+(.*)$/.exec(line) ?? []
  if (item !== undefined) return joined([plain(`${indent}• `), inline(item)], '')
  return inline(line)
}

/** Inline markup, tried in this order at every place. The marks must touch what they mark and stand at its edge. */
const INLINE: readonly { readonly form: RegExp; readonly read: (match: RegExpExecArray) => StyledText }[] = [
  { form: /^(`+)[^`\n]+?\1(?!`)/, read: ([code]) => styled(code, 'code') },
  { form: /^\[([^\]\n]+)\]\((https?:\/\/[^\s)]+)\)/, read: ([, label = '', url = '']) => link(label, url) },
  { form: /^\*\*(?=\S)([^\n]+?\S|\S)\*\*/, read: ([, text = '']) => outer(text, 'bold') },
  { form: /^~~(?=\S)([^\n]+?\S|\S)~~/, read: ([, text = '']) => outer(text, 'strike') },
  { form: /^\*(?=[^\s*])([^*\n]*[^\s*])\*(?![\w*])/, read: ([, text = '']) => outer(text, 'italic') },
]

function inline(line: string): StyledText {
  const parts: StyledText[] = []
  let text = ''
  for (let index = 0; index < line.length;) {
    const found = readInline(line, index)
    if (found) {
      parts.push(plain(text), found.styled)
      text = ''
      index += found.length
    } else text += line.charAt(index++)
  }
  return joined([...parts, plain(text)], '')
}

function readInline(line: string, index: number): { readonly styled: StyledText; readonly length: number } | undefined {
  // A mark inside a word marks nothing.
  if (!'`[*~'.includes(line.charAt(index)) || (line.charAt(index) === '*' && /[\w*]/.test(line.charAt(index - 1))))
    return undefined
  const rest = line.slice(index)
  for (const { form, read } of INLINE) {
    const match = form.exec(rest)
    if (match) return { styled: read(match), length: match[0].length }
  }
  return undefined
}

const link = (label: string, url: string): StyledText => ({
  text: label,
  spans: [{ style: 'link', offset: 0, length: label.length, url }],
})

function outer(text: string, style: 'bold' | 'italic' | 'strike'): StyledText {
  const inner = inline(text)
  return { text: inner.text, spans: [...styled(inner.text, style).spans, ...inner.spans] }
}
