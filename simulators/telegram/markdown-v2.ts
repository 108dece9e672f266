import { byteOffset, type MessageEntity } from './entities.ts'
import type { FormattedText } from './formatted-text.ts'
import { badRequest } from './refusal.ts'

/** Names of the kinds, as the service's messages have them, and as entities have them. */
const KINDS = {
  Bold: 'bold',
  Italic: 'italic',
  Underline: 'underline',
  Strikethrough: 'strikethrough',
  Spoiler: 'spoiler',
  Code: 'code',
  Pre: 'pre',
  PreCode: 'pre',
  TextUrl: 'text_link',
  BlockQuote: 'blockquote',
} as const

type Kind = keyof typeof KINDS

interface OpenEntity {
  readonly kind: Kind
  readonly language?: string
  readonly offset: number
  readonly sourceAt: number
}

const RESERVED = '_*[]()~`>#+-=|{}.!\n'
const CODE_KINDS: readonly Kind[] = ['Code', 'Pre', 'PreCode']

const parseError = (why: string) => badRequest(`Can't parse entities: ${why}`)

/** MarkdownV2 by the rules of the service's own parser, with its messages. */
export function parseMarkdownV2(source: string): FormattedText {
  return new MarkdownV2(source).parse()
}

class MarkdownV2 {
  private at = 0
  private text = ''
  private inQuote = false
  private readonly open: OpenEntity[] = []
  private readonly entities: MessageEntity[] = []

  constructor(private readonly source: string) {}

  parse(): FormattedText {
    for (; this.at < this.source.length; this.at++) this.step()
    if (this.open.at(-1)?.kind === 'BlockQuote') this.close()
    const left = this.open.at(-1)
    if (left) throw this.unclosed(left)
    return { text: this.text, entities: this.entities }
  }

  private step(): void {
    const char = this.source.charAt(this.at)
    const next = this.source.charAt(this.at + 1)
    if (char === '\\' && next !== '' && next.charCodeAt(0) <= 126) {
      this.at++
      this.text += next
      return
    }
    const innermost = this.open.at(-1)
    const reserved = innermost && CODE_KINDS.includes(innermost.kind) ? '`' : RESERVED
    if (!reserved.includes(char)) this.text += char
    else if (innermost && this.ends(innermost, char)) this.end(innermost, char)
    else this.begin(char)
  }

  private ends({ kind }: OpenEntity, char: string): boolean {
    const ahead = (text: string): boolean => this.source.startsWith(text, this.at)
    if (this.inQuote && char === '\n' && !ahead('\n>')) return true
    switch (kind) {
      case 'Bold':
        return ahead('*')
      case 'Italic':
        return ahead('_') && !ahead('__')
      case 'Underline':
        return ahead('__')
      case 'Strikethrough':
        return ahead('~')
      case 'Spoiler':
        return ahead('||')
      case 'Code':
        return ahead('`')
      case 'Pre':
      case 'PreCode':
        return ahead('```')
      case 'TextUrl':
        return ahead(']')
      case 'BlockQuote':
        return false
    }
  }

  private begin(char: string): void {
    const sourceAt = this.at
    if (char === '\n') return this.newLine(sourceAt)
    const kind = this.kindAt(char)
    if (!kind) throw parseError(`Character '${char}' is reserved and must be escaped with the preceding '\\'`)
    const language = kind === 'Pre' ? this.language() : ''
    if (kind === 'BlockQuote') this.inQuote = true
    if (kind === 'Underline' || kind === 'Spoiler') this.at++
    const opened = { offset: this.text.length, sourceAt }
    this.open.push(language === '' ? { kind, ...opened } : { kind: 'PreCode', language, ...opened })
  }

  private newLine(sourceAt: number): void {
    this.text += '\n'
    if (this.source.charAt(this.at + 1) !== '>') return
    this.at++
    if (this.inQuote) return
    this.inQuote = true
    this.open.push({ kind: 'BlockQuote', offset: this.text.length, sourceAt })
  }

  private kindAt(char: string): Kind | undefined {
    const doubled = this.source.charAt(this.at + 1) === char
    if (char === '_') return doubled ? 'Underline' : 'Italic'
    if (char === '*') return 'Bold'
    if (char === '~') return 'Strikethrough'
    if (char === '|') return doubled ? 'Spoiler' : undefined
    if (char === '[') return 'TextUrl'
    if (char === '`') return this.source.startsWith('```', this.at) ? 'Pre' : 'Code'
    return char === '>' && this.at === 0 ? 'BlockQuote' : undefined
  }

  /** The language after three backticks, and one line break; stops before the first character of the code. */
  private language(): string {
    const [all = '', language = '', ended] = /^```([^\s`]*)(\r\n|\n\r|\r|\n)?/.exec(this.source.slice(this.at)) ?? []
    const isLanguage = language !== '' && /\s/.test(this.source.charAt(this.at + 3 + language.length))
    this.at += isLanguage || ended !== undefined ? all.length - 1 : 2
    return isLanguage ? language : ''
  }

  private end(entity: OpenEntity, char: string): void {
    if (char === '\n' && entity.kind !== 'BlockQuote') throw this.unclosed(entity)
    if (entity.kind === 'BlockQuote') {
      this.inQuote = false
      this.text += '\n'
    }
    const url = entity.kind === 'TextUrl' ? this.address(entity) : undefined
    if (entity.kind === 'Underline' || entity.kind === 'Spoiler') this.at++
    if (entity.kind === 'Pre' || entity.kind === 'PreCode') this.at += 2
    this.close(url)
  }

  private close(url?: string): void {
    const entity = this.open.pop()
    if (!entity || this.text.length === entity.offset || url === '') return
    this.entities.push({
      type: KINDS[entity.kind],
      offset: entity.offset,
      length: this.text.length - entity.offset,
      ...(url !== undefined && { url }),
      ...(entity.language !== undefined && { language: entity.language }),
    })
  }

  /** The address of a link: in parentheses after it, or its own text. */
  private address(entity: OpenEntity): string {
    if (this.source.charAt(this.at + 1) !== '(') return this.text.slice(entity.offset)
    const from = this.at + 2
    const [all = '', url = '', end] = /^((?:\\[\0-~]|[^)\\])*)(\))?/.exec(this.source.slice(from)) ?? []
    if (end === undefined) throw parseError(`Can't find end of a URL at byte offset ${byteOffset(this.source, from)}`)
    this.at = from + all.length - 1
    return url.replaceAll(/\\([\0-~])/g, '$1')
  }

  private unclosed({ kind, sourceAt }: OpenEntity) {
    return parseError(`Can't find end of ${kind} entity at byte offset ${byteOffset(this.source, sourceAt)}`)
  }
}
