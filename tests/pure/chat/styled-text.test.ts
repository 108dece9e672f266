import { describe, expect, it } from 'vitest'
import { fromMarkdown } from '../../../domain/chat/markdown.ts'
import { messagesOf } from '../../../domain/chat/posting.ts'
import { chunksOf, joined, plain, shortened, sliced, styled } from '../../../domain/chat/styled-text.ts'

const words = (count: number): string => Array.from({ length: count }, (_, index) => `word${index}`).join(' ')
const bounds = (limit: number, cost = 0) => ({ limit, spanCost: () => cost })

describe('a long text', () => {
  it('is cut into pieces that fit and together say all of it, in order', () => {
    const text = words(3_000)
    const chunks = chunksOf(plain(text), bounds(4_096))
    expect(chunks.length).toBeGreaterThan(4)
    expect(chunks.every((chunk) => chunk.text.length <= 4_096)).toBe(true)
    expect(chunks.map((chunk) => chunk.text).join(' ')).toBe(text)
  })

  it('is cut between paragraphs before lines, and between lines before words', () => {
    const text = `${'a'.repeat(60)}\n\n${'b b '.repeat(8)}\n${'c'.repeat(30)}`
    expect(chunksOf(plain(text), bounds(100)).map((chunk) => chunk.text)[0]).toBe('a'.repeat(60))
    expect(chunksOf(plain(`${'a '.repeat(40)}\n${'b'.repeat(60)}`), bounds(100))[0]?.text).toBe('a '.repeat(40).trim())
  })

  it('is never cut inside a character', () => {
    const text = '😀'.repeat(100)
    const chunks = chunksOf(plain(text), bounds(33))
    expect(chunks.every((chunk) => !/\p{Surrogate}/u.test(chunk.text))).toBe(true)
    expect(chunks.map((chunk) => chunk.text).join('')).toBe(text)
  })

  it('keeps its styles on both sides of a cut', () => {
    const chunks = chunksOf(styled(words(30), 'bold'), bounds(100))
    expect(chunks.length).toBeGreaterThan(1)
    for (const { text, spans } of chunks) expect(spans).toEqual([{ style: 'bold', offset: 0, length: text.length }])
  })

  it('leaves room for what the channel adds to its styles', () => {
    const text = fromMarkdown(Array.from({ length: 40 }, () => '**ab**').join(' '))
    for (const { text: piece, spans } of chunksOf(text, bounds(60, 8)))
      expect(piece.length + spans.length * 8).toBeLessThanOrEqual(60)
  })

  it('keeps the indentation of code at a cut, and its lines', () => {
    const line = (index: number) => `${' '.repeat(4 * (index % 3))}step_${index}(first, second)`
    const lines = Array.from({ length: 60 }, (_, index) => (index % 7 === 6 ? '' : line(index)))
    const chunks = chunksOf(fromMarkdown(`Do this:\n\`\`\`python\n${lines.join('\n')}\n\`\`\`\nDone.`), bounds(200))
    expect(chunks.length).toBeGreaterThan(4)
    const sent = chunks.flatMap(({ text }) => text.split('\n')).filter((text) => text !== '')
    expect(sent).toEqual(['Do this:', ...lines.filter((text) => text !== ''), 'Done.'])
    expect(chunks.some(({ text }) => text.startsWith('    '))).toBe(true)
  })

  it('does not begin a piece with white space where it means nothing', () => {
    for (const { text } of chunksOf(plain('word  \n   '.repeat(40)), bounds(50))) expect(text).toBe(text.trim())
  })

  it('of nothing has no piece', () => {
    expect(chunksOf(plain(''), bounds(10))).toEqual([])
    expect(chunksOf(plain(' \n '), bounds(10))).toEqual([])
  })
})

describe('a draft as messages of a channel', () => {
  const traits = {
    maxText: 100,
    maxTextWithButtons: 40,
    spanCost: () => 0,
    maxButtons: 2,
    silence: true,
    edits: false,
    invites: false,
  }
  const buttons = ['a', 'b', 'c'].map((title) => ({ title, command: `/${title}` }))
  const envelope = { id: 'reply-1', conversation: 'c' }

  it('has the given id on the first, and others in order', () => {
    const posts = messagesOf({ text: plain(words(60)), buttons: [] }, envelope, { traits })
    expect(posts.slice(0, 3).map(({ id }) => id)).toEqual(['reply-1', 'reply-1.2', 'reply-1.3'])
  })

  it('makes one sound', () => {
    const posts = messagesOf({ text: plain(words(60)), buttons: [] }, envelope, { traits })
    expect(posts.slice(0, 3).map(({ silent = false }) => silent)).toEqual([false, true, true])
  })

  it('has its buttons under the last, as many as the channel shows, and is short enough for them', () => {
    const posts = messagesOf({ text: plain(words(20)), buttons }, envelope, { traits })
    expect(posts.every(({ text }) => text.text.length <= 40)).toBe(true)
    expect(posts.map((post) => post.buttons.length)).toEqual([...Array<number>(posts.length - 1).fill(0), 2])
  })
})

describe('a part of a text', () => {
  it('has the parts of the spans that lie in it', () => {
    const text = joined([plain('ab'), styled('cd', 'bold'), plain('ef')], '')
    expect(sliced(text, 3, 6)).toEqual({ text: 'def', spans: [{ style: 'bold', offset: 0, length: 1 }] })
    expect(sliced(text, 0, 2)).toEqual({ text: 'ab', spans: [] })
  })

  it('shortened says that something is missing', () => {
    expect([shortened('abc', 3), shortened('abcd', 3), shortened('a😀b', 3)]).toEqual(['abc', 'ab…', 'a…'])
  })
})
