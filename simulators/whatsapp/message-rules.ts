import { invalidParameter, parameterInvalid, parameterMissing, unsupportedType } from './graph-error.ts'
import { all, anything, flag, list, object, oneOf, text, type Rule } from './rules.ts'

const MAX_TEXT = 4_096
const MAX_BODY = 1_024
const MAX_SHORT = 60
const MAX_TITLE = 20
const MAX_BUTTON_ID = 256
const MAX_ROW_ID = 200
const MAX_ROW_TITLE = 24
const MAX_ROW_DESCRIPTION = 72
const MAX_ROWS = 10
const MAX_OPAQUE = 512
const MAX_NAME = 512

/** What a valid request to `/messages` holds. */
export interface OutgoingMessage {
  readonly messaging_product: 'whatsapp'
  readonly to?: string
  readonly recipient?: string
  readonly type: 'text' | 'interactive' | 'template' | 'reaction'
  readonly context?: { readonly message_id: string }
  readonly biz_opaque_callback_data?: string
  readonly text?: { readonly body: string }
  readonly interactive?: Interactive
  readonly template?: {
    readonly name: string
    readonly language: { readonly code: string }
    readonly components?: readonly {
      readonly type: string
      readonly parameters?: readonly { readonly text?: string }[]
    }[]
  }
  readonly reaction?: { readonly message_id: string; readonly emoji: string }
}

interface Row {
  readonly id: string
  readonly title: string
  readonly description?: string
}

interface Interactive {
  readonly type: 'button' | 'list'
  readonly header?: { readonly text?: string }
  readonly body: { readonly text: string }
  readonly footer?: { readonly text: string }
  readonly action: {
    readonly buttons?: readonly { readonly reply: { readonly id: string; readonly title: string } }[]
    readonly button?: string
    readonly sections?: readonly { readonly title?: string; readonly rows: readonly Row[] }[]
  }
}

/** "Read", with or without the three dots. */
export interface ReadMark {
  readonly status: 'read'
  readonly message_id: string
  readonly typing_indicator?: { readonly type: 'text' }
}

/** Ids and titles must differ within a message. */
function distinct(field: 'id' | 'title', within: (value: unknown) => readonly Record<string, unknown>[]): Rule {
  return (value) => {
    const values = within(value).map((entry) => entry[field])
    const twice = values.find((one, index) => values.indexOf(one) !== index)
    if (twice !== undefined)
      throw parameterInvalid(`Duplicated ${field} found: ${JSON.stringify(twice)}. It must be unique.`)
  }
}

const repliesOf = (value: unknown) => (value as { reply: Record<string, unknown> }[]).map(({ reply }) => reply)
const rowsOf = (value: unknown) => (value as { rows: Record<string, unknown>[] }[]).flatMap(({ rows }) => rows)

const replyButton = object({
  type: oneOf('reply'),
  reply: object({
    id: all(text(MAX_BUTTON_ID, 'Button id length invalid'), (value) => {
      if ((value as string).trim() !== value) throw parameterInvalid('Button id must not begin or end with spaces')
    }),
    title: text(MAX_TITLE, 'Button title length invalid'),
  }),
})

const row = object(
  { id: text(MAX_ROW_ID, 'Row id length invalid'), title: text(MAX_ROW_TITLE, 'Row title length invalid') },
  { description: text(MAX_ROW_DESCRIPTION, 'Row description length invalid') },
)

const header = object(
  { type: oneOf('text', 'image', 'video', 'document') },
  { text: text(MAX_SHORT), image: anything, video: anything, document: anything },
)

const buttonsAction = object({
  buttons: all(
    list(replyButton, { most: 3, called: 'buttons' }),
    distinct('id', repliesOf),
    distinct('title', repliesOf),
  ),
})

const sections: Rule = all(
  list(object({ rows: list(row, { most: MAX_ROWS, called: 'rows' }) }, { title: text(MAX_ROW_TITLE) }), {
    most: 10,
    called: 'sections',
  }),
  (value) => {
    const count = rowsOf(value).length
    if (count > MAX_ROWS) throw parameterInvalid(`Total row count exceed max allowed count: ${MAX_ROWS}`)
    const all = value as { title?: string }[]
    if (all.length > 1 && all.some(({ title }) => title === undefined))
      throw parameterMissing('Section title is required when there is more than one section')
  },
  distinct('id', rowsOf),
)

const listAction = object({ button: text(MAX_TITLE, 'Button label length invalid'), sections })

const interactive: Rule = (value, path) => {
  const { type } = (value ?? {}) as { type?: unknown }
  if (type !== undefined) oneOf('button', 'list')(type, `${path}['type']`)
  object(
    { type: anything, body: object({ text: text(MAX_BODY) }), action: type === 'list' ? listAction : buttonsAction },
    { header, footer: object({ text: text(MAX_SHORT) }) },
  )(value, path)
}

const template = object(
  { name: text(MAX_NAME), language: object({ code: text(MAX_SHORT) }, { policy: oneOf('deterministic') }) },
  {
    components: list(
      object(
        { type: oneOf('header', 'body', 'button') },
        { parameters: anything, sub_type: anything, index: anything },
      ),
      { least: 0, most: 20, called: 'components' },
    ),
  },
)

const reaction: Rule = (value, path) => {
  object({ message_id: text(MAX_NAME), emoji: anything })(value, path)
  const { emoji } = value as { emoji: unknown }
  if (typeof emoji !== 'string') throw invalidParameter(`Param ${path}['emoji'] must be a string.`)
  if (emoji !== '' && !/^\p{Extended_Pictographic}/u.test(emoji)) throw parameterInvalid('Emoji is not valid')
}

const CONTENTS = {
  text: object({ body: text(MAX_TEXT) }, { preview_url: flag }),
  interactive,
  template,
  reaction,
} as const

/** Types the service has and this simulator does not. */
const OTHER_TYPES = ['audio', 'contacts', 'document', 'image', 'location', 'sticker', 'video']

const whatsapp = { messaging_product: oneOf('whatsapp') }

/** Reads the body of a request to `/messages`; throws the service's refusal. */
export function readMessage(body: unknown): OutgoingMessage | ReadMark {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw invalidParameter('Invalid parameter: the body must be a JSON object.')
  const { messaging_product: product, status, type = 'text' } = body as Record<string, unknown>
  if (product === undefined) throw invalidParameter('The parameter messaging_product is required.')
  if (status !== undefined) {
    const typing = object({ type: oneOf('text') })
    object({ ...whatsapp, status: oneOf('read'), message_id: text(MAX_NAME) }, { typing_indicator: typing })(body, '')
    return body as ReadMark
  }
  if (OTHER_TYPES.includes(type as string)) throw unsupportedType()
  oneOf(...Object.keys(CONTENTS))(type, 'type')
  const kind = type as keyof typeof CONTENTS
  object(
    { ...whatsapp, [kind]: CONTENTS[kind] },
    {
      recipient_type: oneOf('individual'),
      to: phone,
      recipient: userId,
      type: anything,
      context: object({ message_id: text(MAX_NAME) }),
      biz_opaque_callback_data: text(MAX_OPAQUE),
    },
  )(body, '')
  const message = { type: kind, ...body } as OutgoingMessage
  if (message.to === undefined && message.recipient === undefined)
    throw invalidParameter('The parameter to is required.')
  return message
}

const phone: Rule = (value, path) => {
  if (typeof value !== 'string') throw invalidParameter(`Param ${path} must be a string.`)
  if (!/^\+?[\d ()-]{6,20}$/.test(value))
    throw parameterInvalid('The phone number is malformed: Please use the format: +1234567890.')
}

const userId: Rule = (value, path) => {
  if (typeof value !== 'string') throw invalidParameter(`Param ${path} must be a string.`)
  if (!/^[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}$/.test(value))
    throw parameterInvalid('The business-scoped user id is malformed.')
}
