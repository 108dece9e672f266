import { checkEntities, readEntities, type MessageEntity } from './entities.ts'
import { parseHtml } from './html.ts'
import { parseMarkdown } from './markdown.ts'
import { parseMarkdownV2 } from './markdown-v2.ts'
import { badRequest } from './refusal.ts'

/** A text with its formatting, as messages carry it. */
export interface FormattedText {
  readonly text: string
  readonly entities: readonly MessageEntity[]
}

/** The service reads no further text than this, in bytes. */
const MAX_BYTES = 32_768

const PARSERS: Readonly<Record<string, (text: string) => FormattedText>> = {
  markdown: parseMarkdown,
  markdownv2: parseMarkdownV2,
  html: parseHtml,
}

/** What a text means in its parse mode, without space around it; throws the service's refusal. */
export function formatText(source: { text: string; parseMode: string; entities: unknown }): FormattedText {
  const { text, entities } = source
  if (Buffer.byteLength(text) > MAX_BYTES) throw badRequest('Text is too long')
  const mode = source.parseMode.toLowerCase()
  if (mode === '' || mode === 'none') return trimmed(checkEntities(text, readEntities(entities)))
  const parse = Object.hasOwn(PARSERS, mode) ? PARSERS[mode] : undefined
  if (!parse) throw badRequest('Unsupported parse_mode')
  return trimmed(checkEntities(...pairOf(parse(text))))
}

const pairOf = ({ text, entities }: FormattedText): [string, readonly MessageEntity[]] => [text, entities]

/** Entities move and shrink with the text they belong to. */
function trimmed({ text, entities }: FormattedText): FormattedText {
  const start = text.length - text.trimStart().length
  const kept = text.trim()
  return {
    text: kept,
    entities: entities.flatMap((entity) => {
      const from = Math.max(entity.offset - start, 0)
      const to = Math.min(entity.offset + entity.length - start, kept.length)
      return to > from ? [{ ...entity, offset: from, length: to - from }] : []
    }),
  }
}
