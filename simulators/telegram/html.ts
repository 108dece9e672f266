import { byteOffset, type MessageEntity } from './entities.ts'
import type { FormattedText } from './formatted-text.ts'
import { badRequest } from './refusal.ts'

const TAGS: Readonly<Record<string, string>> = {
  a: 'text_link',
  b: 'bold',
  strong: 'bold',
  i: 'italic',
  em: 'italic',
  s: 'strikethrough',
  strike: 'strikethrough',
  del: 'strikethrough',
  u: 'underline',
  ins: 'underline',
  'tg-spoiler': 'spoiler',
  span: 'spoiler',
  'tg-emoji': 'custom_emoji',
  pre: 'pre',
  code: 'code',
  blockquote: 'blockquote',
}

const NAMED: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"' }

interface OpenTag {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  readonly offset: number
}

const parseError = (why: string) => badRequest(`Can't parse entities: ${why}`)

/** The service's subset of HTML, with its messages. */
export function parseHtml(source: string): FormattedText {
  return new Html(source).parse()
}

class Html {
  private text = ''
  private readonly open: OpenTag[] = []
  private readonly entities: MessageEntity[] = []

  constructor(private readonly source: string) {}

  parse(): FormattedText {
    let at = 0
    while (at < this.source.length) {
      const tag = this.source.indexOf('<', at)
      this.text += decode(this.source.slice(at, tag === -1 ? undefined : tag))
      if (tag === -1) break
      at = this.source.charAt(tag + 1) === '/' ? this.endTag(tag) : this.startTag(tag)
    }
    const left = this.open.at(-1)
    if (left) throw parseError(`Can't find end tag corresponding to start tag "${left.name}"`)
    return { text: this.text, entities: this.entities }
  }

  private startTag(at: number): number {
    const where = `at byte offset ${byteOffset(this.source, at)}`
    const [all = '', written = ''] = /^<([^\s>]*)/.exec(this.source.slice(at)) ?? []
    const name = written.toLowerCase()
    if (at + all.length >= this.source.length) throw parseError(`Unclosed start tag ${where}`)
    if (!Object.hasOwn(TAGS, name)) throw parseError(`Unsupported start tag "${name}" ${where}`)
    const { attributes, next } = this.attributes(at + all.length, { name, where })
    if (name === 'span' && attributes.get('class') !== 'tg-spoiler')
      throw parseError(`Tag "span" must have class "tg-spoiler" ${where}`)
    this.open.push({ name, attributes, offset: this.text.length })
    return next
  }

  private attributes(
    from: number,
    { name, where }: { name: string; where: string },
  ): { attributes: Map<string, string>; next: number } {
    const attributes = new Map<string, string>()
    let at = from
    for (;;) {
      const rest = this.source.slice(at)
      const close = /^\s*>/.exec(rest)
      if (close) return { attributes, next: at + close[0].length }
      const found = /^\s*([^\s=>]*)\s*(=?)\s*("[^"]*"|'[^']*'|[A-Za-z0-9.-]*)/.exec(rest)
      const [all = '', key = '', equals = '', value = ''] = found ?? []
      if (rest.trim() === '') throw parseError(`Unclosed start tag ${where}`)
      if (key === '' && equals !== '') throw parseError(`Empty attribute name in the tag "${name}" ${where}`)
      if (equals === '' && !(name === 'blockquote' && key === 'expandable'))
        throw parseError(`Expected equal sign in declaration of an attribute of the tag "${name}" ${where}`)
      if (equals !== '' && at + all.length >= this.source.length) throw parseError(`Unclosed start tag ${where}`)
      attributes.set(key.toLowerCase(), decode(value.replaceAll(/^["']|["']$/g, '')))
      at += all.length
    }
  }

  private endTag(at: number): number {
    const where = `at byte offset ${byteOffset(this.source, at)}`
    const tag = this.open.at(-1)
    if (!tag) throw parseError(`Unexpected end tag ${where}`)
    const [all = '', name = '', end] = /^<\/([^\s>]*)\s*(>)?/.exec(this.source.slice(at)) ?? []
    if (end === undefined) throw parseError(`Unclosed end tag ${where}`)
    const found = name.toLowerCase()
    if (found !== '' && found !== tag.name)
      throw parseError(`Unmatched end tag ${where}, expected "</${tag.name}>", found "</${found}>"`)
    this.open.pop()
    this.close(tag)
    return at + all.length
  }

  private close({ name, attributes, offset }: OpenTag): void {
    const length = this.text.length - offset
    if (length === 0) return
    const language = name === 'code' ? /^language-(.+)$/.exec(attributes.get('class') ?? '')?.[1] : undefined
    const inner = this.entities.at(-1)
    if (name === 'pre' && inner?.type === 'code' && inner.offset === offset && inner.length === length) {
      this.entities.pop()
      this.entities.push({ ...inner, type: 'pre' })
      return
    }
    const emoji = attributes.get('emoji-id') ?? ''
    if (name === 'tg-emoji' && !/^[1-9]\d*$/.test(emoji)) throw badRequest('Invalid custom emoji identifier specified')
    const expandable = name === 'blockquote' && attributes.has('expandable')
    this.entities.push({
      type: expandable ? 'expandable_blockquote' : (TAGS[name] ?? ''),
      offset,
      length,
      ...(name === 'a' && { url: attributes.get('href') ?? this.text.slice(offset) }),
      ...(name === 'tg-emoji' && { custom_emoji_id: emoji }),
      ...(language !== undefined && this.open.at(-1)?.name === 'pre' && { language }),
    })
  }
}

function decode(text: string): string {
  return text.replaceAll(/&(?:#x([0-9a-fA-F]+)|#(\d+)|(lt|gt|amp|quot));?/g, (all: string, ...found: string[]) => {
    const [hex, decimal, name] = found
    if (name !== undefined) return NAMED[name] ?? all
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
    return code > 0 && code <= 0x10_ff_ff ? String.fromCodePoint(code) : all
  })
}
