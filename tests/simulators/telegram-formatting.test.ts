import { describe, expect, test } from 'vitest'
import { bot, startTelegram } from './telegram-bot.ts'

const CHAT = 1001

/** Text and entities of a message as it arrives. */
async function shown(parameters: object) {
  const simulator = await startTelegram()
  simulator.user(CHAT).says('hello')
  const { result, description } = await bot<{
    text: string
    entities?: readonly { type: string; offset: number; length: number }[]
  }>(simulator, 'sendMessage', { chat_id: CHAT, ...parameters })
  if (!result) throw new Error(description)
  const pieces = (result.entities ?? []).map(({ type, offset, length, ...more }) => ({
    [type]: result.text.slice(offset, offset + length),
    ...more,
  }))
  return [result.text, pieces]
}

describe('MarkdownV2', () => {
  test.each<[string, string, string, object[]]>([
    [
      'every kind',
      '*b* _i_ __u__ ~s~ ||h|| `c`',
      'b i u s h c',
      [{ bold: 'b' }, { italic: 'i' }, { underline: 'u' }, { strikethrough: 's' }, { spoiler: 'h' }, { code: 'c' }],
    ],
    ['escapes', String.raw`1\.5 \*no\* \\`, '1.5 *no* \\', []],
    ['one in another', '*bold _both_*', 'bold both', [{ bold: 'bold both' }, { italic: 'both' }]],
    ['code with what else is reserved', '`a.b*c`', 'a.b*c', [{ code: 'a.b*c' }]],
    ['code in a language', '```ts\nlet a = 1!\n```', 'let a = 1!', [{ pre: 'let a = 1!', language: 'ts' }]],
    ['code in none', '```\nx\n```', 'x', [{ pre: 'x' }]],
    ['a link', String.raw`[here](https://x.io/a\)b)`, 'here', [{ text_link: 'here', url: 'https://x.io/a)b' }]],
    ['a quote of two lines and what follows', '>a\n>b\nc', 'a\nb\nc', [{ blockquote: 'a\nb\n' }]],
    ['a quote at the end', 'x\n>*y*', 'x\ny', [{ blockquote: 'y' }, { bold: 'y' }]],
    ['characters of two units before', '😀 *b*', '😀 b', [{ bold: 'b' }]],
    ['space around', ' *b* ', 'b', [{ bold: 'b' }]],
  ])('%s', async (_, text, ...expected) => {
    expect(await shown({ text, parse_mode: 'MarkdownV2' })).toEqual(expected)
  })
})

describe('HTML', () => {
  test.each<[string, string, string, object[]]>([
    [
      'every tag',
      '<b>b</b> <em>i</em> <ins>u</ins> <del>s</del> <tg-spoiler>h</tg-spoiler> <code>c</code>',
      'b i u s h c',
      [{ bold: 'b' }, { italic: 'i' }, { underline: 'u' }, { strikethrough: 's' }, { spoiler: 'h' }, { code: 'c' }],
    ],
    ['characters by name and number', '&lt;b&gt; &amp; &#65;&#x42; &nbsp;', '<b> & AB &nbsp;', []],
    [
      'a link',
      '<a href="https://x.io/?a=1&amp;b">here</a>',
      'here',
      [{ text_link: 'here', url: 'https://x.io/?a=1&b' }],
    ],
    ['code in a language', '<pre><code class="language-ts">x</code></pre>', 'x', [{ pre: 'x', language: 'ts' }]],
    ['a long quote', '<blockquote expandable>q</blockquote>', 'q', [{ expandable_blockquote: 'q' }]],
    ['a span', '<span class="tg-spoiler">h</span>', 'h', [{ spoiler: 'h' }]],
    ['an emoji', '<tg-emoji emoji-id="536">👍</tg-emoji>', '👍', [{ custom_emoji: '👍', custom_emoji_id: '536' }]],
    ['an end tag without its name', '<b>b</>', 'b', [{ bold: 'b' }]],
  ])('%s', async (_, text, ...expected) => {
    expect(await shown({ text, parse_mode: 'HTML' })).toEqual(expected)
  })
})

test('old Markdown', async () => {
  const text = '*b* _i_ `c` [l](http://x.io) \\_no\\_ [n]\n```js\nx\n```'
  expect(await shown({ text, parse_mode: 'Markdown' })).toEqual([
    'b i c l _no_ n\nx',
    [
      { bold: 'b' },
      { italic: 'i' },
      { code: 'c' },
      { text_link: 'l', url: 'http://x.io' },
      { pre: 'x', language: 'js' },
    ],
  ])
})

test('entities of the call, trimmed with the text; kinds the service finds itself change nothing', async () => {
  const entities = [
    { type: 'bold', offset: 0, length: 6 },
    { type: 'hashtag', offset: 2, length: 2 },
  ]
  expect(await shown({ text: '  bold', entities })).toEqual(['bold', [{ bold: 'bold' }]])
})

test('4,096 units are enough and may be 2,048 characters, counted after parsing', async () => {
  const [text] = await shown({ text: `<b>${'😀'.repeat(2_048)}</b>`, parse_mode: 'HTML' })
  expect(text).toHaveLength(4_096)
})
