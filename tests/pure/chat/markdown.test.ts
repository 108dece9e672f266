import { describe, expect, it } from 'vitest'
import { fromMarkdown } from '../../../domain/chat/markdown.ts'
import { written } from '../../../adapters/whatsapp/whatsapp-text.ts'

/** The text with its spans as `style:stretch`. */
function read(markdown: string) {
  const { text, spans } = fromMarkdown(markdown)
  return { text, spans: spans.map(({ style, offset, length }) => `${style}:${text.slice(offset, offset + length)}`) }
}

describe('the Markdown of models', () => {
  it.each<readonly [string, string, readonly string[]]>([
    ['a **bold** word', 'a bold word', ['bold:bold']],
    ['an *italic* word', 'an italic word', ['italic:italic']],
    ['~~gone~~', 'gone', ['strike:gone']],
    ['## A heading', 'A heading', ['bold:A heading']],
    ['# See [**it** here](https://a.example)', 'See **it** here', ['bold:See **it** here', 'link:**it** here']],
    ['# **All** of it', 'All of it', ['bold:All of it']],
    ['> said', 'said', ['quote:said']],
    ['- one\n* two', '• one\n• two', []],
    ['see [the docs](https://example.com/a?b=1)', 'see the docs', ['link:the docs']],
    ['**bold with `code`**', 'bold with `code`', ['bold:bold with `code`', 'code:`code`']],
    ['```ts\nconst a = 1\n```', 'const a = 1', ['block:const a = 1']],
    ['```\nnever closed', 'never closed', ['block:never closed']],
  ])('%j is read', (markdown, text, spans) => {
    expect(read(markdown)).toEqual({ text, spans })
  })

  it.each([
    'snake_case_name and __init__.py',
    '2 * 3 * 4 and a*b*c',
    'a ** b ** c',
    '*.ts and **/*.ts',
    'an [array] (with words)',
    '[a link](javascript:alert)',
    'C:\\new and \\*',
    'unclosed **bold',
    '# ',
  ])('%j stays as it is', (text) => {
    expect(read(text)).toEqual({ text, spans: [] })
  })

  it('keeps the backticks of code in a line, so that a summary can be found word for word', () => {
    const summary = 'Changed `a.ts` and `b.ts`. `npm test` passes.'
    expect(read(summary)).toEqual({ text: summary, spans: ['code:`a.ts`', 'code:`b.ts`', 'code:`npm test`'] })
  })

  it('shows a table in columns', () => {
    const { text, spans } = fromMarkdown('| file | lines |\n|---|--:|\n| a.ts | 12 |\n| longer.ts | 3 |\nafter')
    expect(text.split('\n')).toEqual(['file       lines', '─────────  ─────', 'a.ts       12', 'longer.ts  3', 'after'])
    expect(spans).toMatchObject([{ style: 'block', offset: 0 }])
  })

  it('names the language of a block', () => {
    expect(fromMarkdown('```python\nx = 1\n```').spans).toMatchObject([{ style: 'block', language: 'python' }])
  })

  it('gives spans that lie in the text and never cut each other, whatever comes', () => {
    const pieces = ['**', '*', '`', '~~', '[', '](https://a.b)', 'word', ' ', '\n', '# ', '> ', '- ', '|', '```', '😀']
    let seed = 7
    const next = () => (seed = (seed * 48_271) % 2_147_483_647)
    for (let round = 0; round < 2_000; round++) {
      const markdown = Array.from({ length: 1 + (next() % 14) }, () => pieces[next() % pieces.length]).join('')
      const { text, spans } = fromMarkdown(markdown)
      for (const { offset, length } of spans) {
        expect(length, markdown).toBeGreaterThan(0)
        expect(offset + length, markdown).toBeLessThanOrEqual(text.length)
        for (const other of spans) {
          const cuts =
            other.offset > offset && other.offset < offset + length && other.offset + other.length > offset + length
          expect(cuts, markdown).toBe(false)
        }
      }
    }
  })
})

describe("WhatsApp's own markup", () => {
  it.each([
    ['a **bold** word', 'a *bold* word'],
    ['*italic* ~~gone~~', '_italic_ ~gone~'],
    ['run `npm test`', 'run `npm test`'],
    ['```sh\nls\n```', '```ls```'],
    ['[docs](https://a.example/b)', 'docs (https://a.example/b)'],
    ['**bold with `code`**', '*bold with `code`*'],
    ['> said', '> said'],
  ])('%j becomes %j', (markdown, expected) => {
    expect(written(fromMarkdown(markdown))).toBe(expected)
  })

  it('closes last what was opened first', () => {
    const spans = [
      { style: 'bold', offset: 0, length: 4 },
      { style: 'italic', offset: 0, length: 4 },
    ] as const
    expect(written({ text: 'both', spans })).toMatch(/^\*_both_\*$/)
  })
})
