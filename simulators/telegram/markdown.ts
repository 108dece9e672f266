import { byteOffset, type MessageEntity } from './entities.ts'
import type { FormattedText } from './formatted-text.ts'
import { badRequest } from './refusal.ts'

const STARTS = '_*`['
const TYPES: Readonly<Record<string, string>> = { _: 'italic', '*': 'bold', '`': 'code' }

/** The old Markdown: no nesting, and four characters to escape. */
export function parseMarkdown(source: string): FormattedText {
  const entities: MessageEntity[] = []
  let text = ''
  let at = 0
  while (at < source.length) {
    const char = source.charAt(at)
    if (char === '\\' && at + 1 < source.length && STARTS.includes(source.charAt(at + 1))) {
      text += source.charAt(at + 1)
      at += 2
    } else if (!STARTS.includes(char)) {
      text += char
      at++
    } else {
      const { inner, entity, next } = entityAt(source, at)
      if (inner !== '' && entity) entities.push({ ...entity, offset: text.length, length: inner.length })
      text += inner
      at = next
    }
  }
  return { text, entities }
}

type EntityKind = Pick<MessageEntity, 'type' | 'url' | 'language'>

function entityAt(source: string, at: number): { inner: string; entity?: EntityKind; next: number } {
  const char = source.charAt(at)
  if (source.startsWith('```', at)) return preAt(source, at)
  const end = source.indexOf(char === '[' ? ']' : char, at + 1)
  if (end === -1) throw unclosed(source, at)
  const inner = source.slice(at + 1, end)
  if (char !== '[') return { inner, entity: { type: TYPES[char] ?? '' }, next: end + 1 }
  if (source.charAt(end + 1) !== '(') return { inner, next: end + 1 }
  const close = source.indexOf(')', end + 2)
  const url = source.slice(end + 2, close === -1 ? undefined : close)
  return { inner, entity: { type: 'text_link', url }, next: close === -1 ? source.length : close + 1 }
}

function preAt(source: string, at: number): { inner: string; entity: EntityKind; next: number } {
  const [opening = '```', language = ''] = /^```([^\s`]+(?=\s))?(?:\r\n|\n)?/.exec(source.slice(at)) ?? []
  const from = at + opening.length
  const end = source.indexOf('```', from)
  if (end === -1) throw unclosed(source, at)
  const entity = { type: 'pre', ...(language !== '' && { language }) }
  return { inner: source.slice(from, end), entity, next: end + 3 }
}

const unclosed = (source: string, at: number) =>
  badRequest(`Can't parse entities: Can't find end of the entity starting at byte offset ${byteOffset(source, at)}`)
