import type { FormattedText } from './formatted-text.ts'
import { badRequest } from './refusal.ts'

/** A stretch of a text with a meaning, in UTF-16 units. */
export interface MessageEntity {
  readonly type: string
  readonly offset: number
  readonly length: number
  readonly url?: string
  readonly language?: string
  readonly custom_emoji_id?: string
  readonly user?: unknown
}

/** Types a bot may ask for; the first row is found by the service itself and asking for it changes nothing. */
const FOUND_BY_SERVICE = 'mention hashtag cashtag bot_command url email phone_number bank_card_number'.split(' ')
/** In the order the service lists those that cover the same text. */
const FORMATTING =
  'blockquote expandable_blockquote pre code text_link text_mention bold italic underline strikethrough spoiler custom_emoji'.split(
    ' ',
  )

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The entities of a call's parameter; throws the service's refusal. What is no list is nothing to the service. */
export function readEntities(value: unknown): MessageEntity[] {
  if (!Array.isArray(value)) return []
  return value.map(readEntity).filter(({ type }) => FORMATTING.includes(type))
}

function readEntity(value: unknown): MessageEntity {
  const refuse = (why: string): never => {
    throw badRequest(`Can't parse MessageEntity: ${why}`)
  }
  if (!isRecord(value)) return refuse('expected an Object')
  for (const field of ['offset', 'length']) {
    if (value[field] === undefined) refuse(`Can't find field "${field}"`)
    if (!Number.isInteger(value[field])) refuse(`Field "${field}" must be of type Number`)
  }
  if (value['type'] === undefined) refuse(`Can't find field "type"`)
  if (typeof value['type'] !== 'string') refuse('Field "type" must be of type String')
  const type = value['type'] as string
  if (![...FOUND_BY_SERVICE, ...FORMATTING].includes(type)) refuse('Unsupported type specified')
  if (type === 'text_link' && typeof value['url'] !== 'string') refuse(`Can't find field "url"`)
  return value as unknown as MessageEntity
}

/** Entities in order, when every one of them lies in the text and none cuts another; throws the service's refusal. */
export function checkEntities(text: string, entities: readonly MessageEntity[]): FormattedText {
  const sorted = entities
    .filter(({ length }) => length > 0)
    .toSorted(
      (one, other) =>
        one.offset - other.offset ||
        other.length - one.length ||
        FORMATTING.indexOf(one.type) - FORMATTING.indexOf(other.type),
    )
  const open: number[] = []
  for (const { offset, length } of sorted) {
    if (offset < 0) throw badRequest(`Receive an entity with incorrect offset ${offset}`)
    if (offset >= text.length) throw badRequest(`Entity begins after the end of the text at UTF-16 offset ${offset}`)
    const end = offset + length
    if (splitsCharacter(text, offset))
      throw badRequest(`Entity begins in a middle of a UTF-16 symbol at byte offset ${byteOffset(text, offset)}`)
    while (open.length > 0 && (open.at(-1) ?? 0) <= offset) open.pop()
    if (end > (open.at(-1) ?? text.length))
      throw badRequest(
        `Entity beginning at UTF-16 offset ${offset} ends after the end of the text at UTF-16 offset ${end}`,
      )
    if (splitsCharacter(text, end))
      throw badRequest(
        `Entity beginning at UTF-16 offset ${offset} ends in a middle of a UTF-16 symbol at byte offset ${byteOffset(text, end)}`,
      )
    open.push(end)
  }
  return { text, entities: sorted }
}

const splitsCharacter = (text: string, at: number): boolean =>
  /[\uDC00-\uDFFF]/.test(text.charAt(at)) && /[\uD800-\uDBFF]/.test(text.charAt(at - 1))

/** Where a UTF-16 position lies in the bytes of a text: the service counts so in its messages. */
export const byteOffset = (text: string, at: number): number => Buffer.byteLength(text.slice(0, at))

/** The commands and mentions the service finds in what people write. */
export function findEntities(text: string): MessageEntity[] {
  const found = [...text.matchAll(/(?<![\w/@])(\/[A-Za-z0-9_]{1,64}(?:@\w{3,32})?|@\w{3,32})(?!\w)/g)]
  return found.map((match) => ({
    type: match[0].startsWith('/') ? 'bot_command' : 'mention',
    offset: match.index,
    length: match[0].length,
  }))
}
