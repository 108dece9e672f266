import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { ChatMessage, DeliveryReport, IdentityChange, MessageFile } from '../../domain/chat/message.ts'
import type { ChannelWebhook, Received } from '../../domain/ports/channel.ts'
import { sha256In } from './sha256.ts'
import { reportOfFailure } from './whatsapp-errors.ts'

const SIGNATURE_HEADER = 'x-hub-signature-256'

export interface WhatsAppWebhookOptions {
  readonly appSecret: string
  readonly verifyToken: string
  /** Others' numbers may share the app. */
  readonly phoneNumberId: string
}

/** The receiving side of WhatsApp. */
export function createWhatsAppWebhook(options: WhatsAppWebhookOptions): ChannelWebhook {
  return {
    name: 'whatsapp',
    hasProof: (headers) => /^sha256=[0-9a-f]{64}$/.test(headers.get(SIGNATURE_HEADER) ?? ''),
    isGenuine: (headers, body) => isSigned(headers.get(SIGNATURE_HEADER) ?? '', { body, secret: options.appSecret }),
    read: (body) => readPayload(body, options.phoneNumberId),
    challengeOf(query) {
      const isRight =
        query.get('hub.mode') === 'subscribe' && isSame(query.get('hub.verify_token') ?? '', options.verifyToken)
      return isRight ? (query.get('hub.challenge') ?? '') : undefined
    },
  }
}

/** Over the bytes as they came: the service signs a form of JSON that no other writer makes again. */
function isSigned(header: string, { body, secret }: { readonly body: Uint8Array; readonly secret: string }): boolean {
  const expected = createHmac('sha256', secret).update(body).digest()
  const given = Buffer.from(header.slice('sha256='.length), 'hex')
  return (
    secret !== '' &&
    header.startsWith('sha256=') &&
    given.length === expected.length &&
    timingSafeEqual(given, expected)
  )
}

function isSame(given: string, secret: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return secret !== '' && timingSafeEqual(digest(given), digest(secret))
}

type Json = Readonly<Record<string, unknown>>

const recordsIn = (value: unknown): readonly Json[] =>
  Array.isArray(value) ? value.filter((one): one is Json => typeof one === 'object' && one !== null) : []
const textIn = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)
const recordIn = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {})

/** Everything of a batch: entries, their changes, their messages and statuses. */
function readPayload(body: unknown, phoneNumberId: string): Received {
  const values = recordsIn(recordIn(body)['entry'])
    .flatMap(({ changes }) => recordsIn(changes))
    .filter(({ field }) => field === 'messages')
    .map(({ value }) => recordIn(value))
    .filter(({ metadata }) => recordIn(metadata)['phone_number_id'] === phoneNumberId)
  const identities = values.flatMap(({ messages }) => recordsIn(messages).flatMap(readIdentityChange))
  return {
    messages: values.flatMap(({ messages }) => recordsIn(messages).flatMap(readMessage)),
    reports: values.flatMap(({ statuses }) => recordsIn(statuses).flatMap(readStatus)),
    ...(identities.length > 0 && { identities }),
  }
}

/** Kinds that nobody says to the gateway. */
const SILENT = ['reaction', 'system', 'edit', 'revoke', 'request_welcome', 'errors']

function readMessage(message: Json): readonly ChatMessage[] {
  const { type, timestamp } = message
  const [id, phone, userId] = [textIn(message['id']), textIn(message['from']), textIn(message['from_user_id'])]
  // The scoped id stays when somebody hides or changes the number.
  const sender = userId ?? phone
  // What somebody said in a group is not answered in private, and groups take no buttons.
  if (textIn(message['group_id']) !== undefined) return []
  if (id === undefined || sender === undefined || SILENT.includes(String(type))) return []
  const { kind, text, file } = contentOf(message)
  const replyTo = textIn(recordIn(message['context'])['id'])
  return [
    {
      ...{ channel: 'whatsapp', id, place: Number(timestamp) || 0, chat: sender, kind, isGroup: false, messageId: id },
      text: text.replaceAll('\0', '').replaceAll(/\p{Surrogate}/gu, '�'),
      ...(file && { file }),
      sender: { id: sender, ...(phone !== undefined && phone !== sender && { alias: phone }) },
      ...(phone !== undefined && phone !== sender && { reach: phone }),
      ...(replyTo !== undefined && { replyTo }),
    },
  ]
}

/** A new number makes a new scoped id; who hides the number has only that changed. */
function readIdentityChange({ type, from, system: content }: Json): readonly IdentityChange[] {
  const system = recordIn(content)
  if (type !== 'system' || !['user_changed_user_id', 'user_changed_number'].includes(String(system['type']))) return []
  const [id, phone] = [textIn(system['user_id']), textIn(system['wa_id'])]
  const to = id ?? phone
  const old = [textIn(system['previous_user_id']), textIn(from)].filter((one) => one !== undefined)
  if (to === undefined || old.length === 0) return []
  const alias = phone === undefined || phone === to ? {} : { alias: phone }
  return [{ channel: 'whatsapp', from: old.filter((one) => one !== to && one !== phone), to: { id: to, ...alias } }]
}

function contentOf(message: Json): Pick<ChatMessage, 'kind' | 'text' | 'file'> {
  const type = String(message['type'])
  const content = recordIn(message[type])
  if (type === 'text') return worded(textIn(content['body']))
  if (type === 'interactive') {
    const picked = textIn(recordIn(content['button_reply'])['id']) ?? textIn(recordIn(content['list_reply'])['id'])
    return picked === undefined ? { kind: 'wordless', text: '' } : { kind: 'button', text: picked }
  }
  // A button of a template.
  if (type === 'button') return { kind: 'button', text: textIn(content['payload']) ?? '' }
  const file = fileOf(type, content)
  return { ...worded(textIn(content['caption'])), ...(file && { file }) }
}

/** Kinds of files the gateway reads. */
const READ = ['image', 'document']
const UNREAD = ['audio', 'video', 'sticker', 'voice']

function fileOf(type: string, content: Json): MessageFile | undefined {
  if (UNREAD.includes(type)) return { name: `this ${type}` }
  const [reference, mediaType] = [textIn(content['id']), textIn(content['mime_type'])]
  if (!READ.includes(type) || reference === undefined) return undefined
  const name = (textIn(content['filename']) ?? type).replaceAll('\0', '').replaceAll(/\p{Surrogate}/gu, '�')
  const sha256 = sha256In(content['sha256'])
  return { reference, name, ...(mediaType !== undefined && { mediaType }), ...(sha256 !== undefined && { sha256 }) }
}

const worded = (text: string | undefined): Pick<ChatMessage, 'kind' | 'text'> =>
  text === undefined || text.trim() === '' ? { kind: 'wordless', text: '' } : { kind: 'text', text }

/** A status names the message by the reference it was sent with. */
function readStatus(status: Json): readonly DeliveryReport[] {
  const [providerId, reference] = [textIn(status['id']), textIn(status['biz_opaque_callback_data'])]
  if (providerId === undefined || reference === undefined) return []
  if (status['status'] !== 'failed') return [{ reference, providerId, outcome: 'arrived' }]
  const [error = {}] = recordsIn(status['errors'])
  const { code, title } = error
  return [{ reference, providerId, ...reportOfFailure(error), reason: `${String(code)} ${String(title)}` }]
}
