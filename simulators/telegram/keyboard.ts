import { badRequest } from './refusal.ts'

/** A button under a message. */
export interface InlineButton {
  readonly text: string
  readonly callback_data?: string
  readonly url?: string
  readonly style?: string
  readonly [other: string]: unknown
}

/** The buttons of a message, row by row. */
export type InlineKeyboard = readonly (readonly InlineButton[])[]

const MAX_DATA_BYTES = 64
const MAX_BUTTONS = 100
const ACTIONS = [
  'callback_game',
  'pay',
  'switch_inline_query',
  'switch_inline_query_chosen_chat',
  'switch_inline_query_current_chat',
  'login_url',
  'web_app',
  'copy_text',
]
/** Keyboards of other kinds are taken and not shown. */
const OTHER_KINDS = ['keyboard', 'remove_keyboard', 'force_reply']

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The inline keyboard of a `reply_markup`, undefined for none; throws the service's refusal. */
export function readKeyboard(markup: unknown): InlineKeyboard | undefined {
  if (markup === undefined) return undefined
  if (!isRecord(markup)) throw badRequest('Object expected as reply markup')
  const rows = markup['inline_keyboard']
  if (rows === undefined) {
    if (OTHER_KINDS.some((kind) => kind in markup) || Object.keys(markup).length === 0) return undefined
    throw badRequest('Object expected as reply markup')
  }
  if (!Array.isArray(rows)) throw badRequest('Field "inline_keyboard" must be of type Array')
  const keyboard = rows.map(readRow).filter((row) => row.length > 0)
  if (keyboard.flat().length > MAX_BUTTONS) throw badRequest('REPLY_MARKUP_TOO_LONG')
  return keyboard.length > 0 ? keyboard : undefined
}

function readRow(row: unknown): InlineButton[] {
  if (!Array.isArray(row)) throw badRequest('Field "inline_keyboard" must be an Array of Arrays')
  return row.map(readButton)
}

function readButton(button: unknown): InlineButton {
  const refuse = (why: string) => badRequest(`Can't parse inline keyboard button: ${why}`)
  if (!isRecord(button)) throw refuse('InlineKeyboardButton must be an Object')
  if (button['text'] === undefined) throw refuse(`Can't find field "text"`)
  for (const field of ['text', 'url', 'callback_data', 'style'])
    if (button[field] !== undefined && typeof button[field] !== 'string')
      throw refuse(`Field "${field}" must be of type String`)
  const { text, url, callback_data: data, style } = button as InlineButton
  if (style !== undefined && !['', 'danger', 'success', 'primary'].includes(style))
    throw refuse('Invalid button style specified')
  if (!url && !data && !ACTIONS.some((action) => action in button))
    throw refuse('Text buttons are unallowed in the inline keyboard')
  if (text.trim() === '') throw badRequest('BUTTON_TEXT_INVALID')
  if (!url && data && Buffer.byteLength(data) > MAX_DATA_BYTES) throw badRequest('BUTTON_DATA_INVALID')
  if (url && !isAddress(url)) throw badRequest(`Inline keyboard button URL '${url}' is invalid: Wrong HTTP URL`)
  return button as InlineButton
}

const isAddress = (url: string): boolean => {
  if (url.startsWith('tg://')) return true
  const address = url.includes('://') ? url : `http://${url}`
  return URL.canParse(address) && /^[^.]+\..+/.test(new URL(address).hostname)
}
