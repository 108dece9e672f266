import type { Button, ChatMessage } from '../../domain/chat/message.ts'
import { shortened } from '../../domain/chat/styled-text.ts'
import type { Channel, Delivery, Download, FileReference, OutgoingMessage } from '../../domain/ports/channel.ts'
import { brokenDownload, download, DOWNLOAD_LIMIT_MS } from '../network/download.ts'
import { sha256In, sha256Of } from './sha256.ts'
import { deliveryOfRefusal, deliveryOfSilence, type GraphRefusal } from './whatsapp-errors.ts'
import { spanCost, written } from './whatsapp-text.ts'

/** The version whose published schema the requests were checked with. */
const GRAPH_VERSION = 'v23.0'
/** The service answers within a second; who waits longer than this is not answered. */
const ANSWER_LIMIT_MS = 20_000

const TRAITS = { maxText: 4_096, maxTextWithButtons: 1_024, spanCost, maxButtons: 10, silence: false, edits: false }
/** More become a list. */
const MAX_BUTTONS = 3
const MAX_BUTTON_TITLE = 20
const MAX_ROW_TITLE = 24

export interface WhatsAppOptions {
  readonly accessToken: string
  readonly phoneNumberId: string
  readonly apiUrl: string
  /** An approved template with one parameter, which names what waits. */
  readonly template?: { readonly name: string; readonly language: string } | undefined
}

/** WhatsApp's Cloud API as the gateway speaks to it. */
export function createWhatsAppChannel(options: WhatsAppOptions): Channel {
  const { template } = options
  const post = (body: object) => postMessage(options, body)
  return {
    name: 'whatsapp',
    traits: { ...TRAITS, invites: template !== undefined },
    // Statuses echo the reference of every message that was accepted.
    reconciliation: 'reported',
    send: (message) => send(post, message, contentOf(message)),
    reengage: template && ((invitation) => send(post, invitation, filled(template, invitation.about))),
    edit: () => Promise.resolve({ type: 'refused', reason: 'WhatsApp has no edits' }),
    download: (file) => downloadMedia(options, file).catch(brokenDownload),
    acknowledge: (message) => acknowledge(post, message),
    isWell: (signal) => isWell(options, signal).catch(() => false),
    introduce: () => Promise.resolve(),
  }
}

type PostMessage = (body: object) => Promise<Response>

/** An id of the business's own scope goes where numbers cannot. */
const addressOf = ({ chat, reach = chat }: OutgoingMessage['to']) =>
  /^[A-Z]{2}\./.test(reach) ? { recipient: reach } : { to: reach }

async function send(
  post: PostMessage,
  { to, reference }: Pick<OutgoingMessage, 'to' | 'reference'>,
  content: object,
): Promise<Delivery> {
  let response: Response
  try {
    response = await post({
      ...{ messaging_product: 'whatsapp', recipient_type: 'individual', ...addressOf(to) },
      ...content,
      biz_opaque_callback_data: reference,
    })
  } catch (error) {
    return deliveryOfSilence(error)
  }
  const answer = (await response.json().catch(() => undefined)) as GraphAnswer | undefined
  const id = answer?.messages?.[0]?.id
  if (response.ok && typeof id === 'string') return { type: 'sent', providerId: id }
  return deliveryOfRefusal(response.status, answer?.error)
}

interface GraphAnswer {
  readonly messages?: readonly { readonly id?: unknown }[]
  readonly error?: GraphRefusal
}

function filled({ name, language: code }: NonNullable<WhatsAppOptions['template']>, about: string): object {
  const components = [{ type: 'body', parameters: [{ type: 'text', text: about }] }]
  return { type: 'template', template: { name, language: { code }, components } }
}

function contentOf({ text, buttons }: OutgoingMessage): object {
  const body = written(text)
  if (buttons.length === 0) return { type: 'text', text: { body, preview_url: false } }
  return { type: 'interactive', interactive: { ...actionOf(buttons), body: { text: body } } }
}

function actionOf(buttons: readonly Button[]): object {
  const titles = distinct(buttons, buttons.length > MAX_BUTTONS ? MAX_ROW_TITLE : MAX_BUTTON_TITLE)
  const shown = buttons.map(({ command }, index) => ({ id: command, title: titles[index] }))
  if (buttons.length <= MAX_BUTTONS)
    return { type: 'button', action: { buttons: shown.map((reply) => ({ type: 'reply', reply })) } }
  return { type: 'list', action: { button: 'Choose', sections: [{ rows: shown }] } }
}

/** Titles in the measure of the service, which refuses two that are the same. */
function distinct(buttons: readonly Button[], limit: number): readonly string[] {
  const taken = new Set<string>()
  return buttons.map(({ title }, index) => {
    const short = shortened(title, limit)
    const name = taken.has(short) ? `${index + 1}. ${shortened(title, limit - 4)}` : short
    taken.add(name)
    return name
  })
}

/** Where the service keeps media. Its own address apart, the token goes nowhere else. */
const MEDIA_ORIGIN = 'https://lookaside.fbsbx.com'
/** Of a request for a file: it does not exist, or is another account's. */
const NO_SUCH_OBJECT = 100

async function downloadMedia(options: WhatsAppOptions, { reference: id, sha256 }: FileReference): Promise<Download> {
  const { accessToken, apiUrl } = options
  if (!/^\d{1,30}$/.test(id)) return { type: 'gone', reason: 'its id is none' }
  const signal = AbortSignal.timeout(DOWNLOAD_LIMIT_MS)
  const headers = { authorization: `Bearer ${accessToken}` }
  const response = await fetch(`${apiUrl}/${GRAPH_VERSION}/${id}`, { headers, signal, redirect: 'error' })
  const media = (await response.json()) as GraphMedia
  if (!response.ok)
    return { type: media.error?.code === NO_SUCH_OBJECT ? 'gone' : 'later', reason: `${response.status}` }
  const address = String(media.url)
  const isTheirs = URL.canParse(address) && [MEDIA_ORIGIN, new URL(apiUrl).origin].includes(new URL(address).origin)
  if (!isTheirs) return { type: 'gone', reason: 'its address is not WhatsApp’s' }
  const file = await download(new URL(address), { headers, signal })
  const told = [sha256, sha256In(media.sha256)].filter((digest) => digest !== undefined)
  if (file.type !== 'file' || told.length === 0) return file
  const digest = sha256Of(file.bytes)
  return told.every((one) => one === digest) ? file : { type: 'damaged' }
}

interface GraphMedia {
  readonly url?: unknown
  readonly sha256?: unknown
  readonly error?: GraphRefusal
}

async function acknowledge(post: PostMessage, message: ChatMessage): Promise<void> {
  const { messageId: message_id } = message
  if (message_id === undefined) return
  const whatsapp = { messaging_product: 'whatsapp' }
  const read = { ...whatsapp, status: 'read', message_id, typing_indicator: { type: 'text' } }
  const reaction = { type: 'reaction', reaction: { message_id, emoji: '👀' } }
  await Promise.allSettled([post(read), post({ ...whatsapp, ...addressOf({ ...message }), ...reaction })])
}

/** Whether the number can be read, or is refused for a reason: who is unwell does neither. */
async function isWell(
  { accessToken, phoneNumberId, apiUrl }: WhatsAppOptions,
  stopping: AbortSignal,
): Promise<boolean> {
  const response = await fetch(`${apiUrl}/${GRAPH_VERSION}/${phoneNumberId}?fields=id`, {
    headers: { authorization: `Bearer ${accessToken}` },
    redirect: 'error',
    signal: AbortSignal.any([stopping, AbortSignal.timeout(ANSWER_LIMIT_MS)]),
  })
  const { id, error } = (await response.json()) as { readonly id?: unknown; readonly error?: GraphRefusal }
  return id === phoneNumberId || deliveryOfRefusal(response.status, error).type !== 'unknown'
}

function postMessage({ accessToken, phoneNumberId, apiUrl }: WhatsAppOptions, body: object): Promise<Response> {
  return fetch(`${apiUrl}/${GRAPH_VERSION}/${phoneNumberId}/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    redirect: 'error',
    signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
  })
}
