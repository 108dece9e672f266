import { Api, GrammyError, HttpError } from 'grammy'
import type { InlineKeyboardMarkup, MessageEntity } from 'grammy/types'
import { COMMANDS } from '../../domain/chat/command.ts'
import type { Button, ChatMessage } from '../../domain/chat/message.ts'
import { GatewayError } from '../../domain/errors.ts'
import type { Span, StyledText } from '../../domain/chat/styled-text.ts'
import type {
  Channel,
  ChannelTraits,
  Delivery,
  Download,
  MessageEdit,
  OutgoingMessage,
} from '../../domain/ports/channel.ts'
import { brokenDownload, download, DOWNLOAD_LIMIT_MS } from '../network/download.ts'

/** The service answers in well under a second; who waits longer than this is not answered. */
const ANSWER_LIMIT_S = 20

const TRAITS: ChannelTraits = {
  ...{ maxText: 4_096, maxTextWithButtons: 4_096, spanCost: () => 0, maxButtons: 12 },
  ...{ silence: true, edits: true, invites: false },
}

export interface TelegramOptions {
  readonly token: string
  readonly apiUrl: string
  /** Set with the webhook; none: updates are fetched. */
  readonly webhookSecret?: string | undefined
}

/** Telegram as the gateway speaks to it: plain text with entities, so that nothing needs escaping. */
export function createTelegramChannel({ token, apiUrl, webhookSecret }: TelegramOptions): Channel {
  const api = new Api(token, { apiRoot: apiUrl, timeoutSeconds: ANSWER_LIMIT_S })
  let botName: string | undefined
  return {
    name: 'telegram',
    traits: TRAITS,
    reconciliation: 'never',
    get botName() {
      return botName
    },
    send: (message) =>
      delivered(async () => {
        const { text, entities } = written(message.text)
        const post = (place: ReturnType<typeof threadOf>) =>
          api.sendMessage(chatOf(message), text, {
            entities,
            disable_notification: message.silent,
            link_preview_options: { is_disabled: true },
            ...place,
            ...keyboardOf(message.buttons),
            ...(message.replyTo !== undefined && {
              reply_parameters: { message_id: Number(message.replyTo), allow_sending_without_reply: true },
            }),
          })
        const sent = await post(threadOf(message)).catch((error: unknown) => {
          if (isTopicGone(error)) return post({})
          throw error
        })
        return String(sent.message_id)
      }),
    edit: (edit) =>
      delivered(async () => {
        const { text, entities } = written(edit.text)
        const options = { entities, link_preview_options: { is_disabled: true }, ...keyboardOf(edit.buttons) }
        await api.editMessageText(chatOf(edit), Number(edit.providerId), text, options).catch(ignoreUnchanged)
        return edit.providerId
      }),
    async download({ reference }) {
      const signal = AbortSignal.timeout(DOWNLOAD_LIMIT_MS)
      try {
        const { file_path: path } = await api.getFile(reference, signal as never)
        return await download(addressOf({ token, apiUrl }, path ?? ''), { signal })
      } catch (error) {
        if (error instanceof GrammyError) return downloadRefused(error)
        return brokenDownload(error instanceof HttpError ? error.error : error)
      }
    },
    acknowledge: (message) => acknowledge(api, message),
    isWell: (signal) =>
      api.getMe(signal as never).then(
        () => true,
        (error: unknown) => error instanceof GrammyError && error.error_code < 500,
      ),
    async introduce(webhookUrl, stopping) {
      const signal = stopping as never
      botName = (await api.getMe(signal).catch(explained)).username
      if (webhookSecret === undefined) await api.deleteWebhook({}, signal)
      else if (webhookUrl !== undefined) {
        const allowed_updates = ['message', 'callback_query'] as const
        await api.setWebhook(webhookUrl, { secret_token: webhookSecret, allowed_updates }, signal)
      }
      const commands = Object.entries(COMMANDS).map(([command, { form, does }]) => ({
        command,
        description: `${form}: ${does}`,
      }))
      await api.setMyCommands(commands, {}, signal)
    },
  }
}

/** A bot that was deleted, or a token that was revoked or mistyped. */
function explained(error: unknown): never {
  if (error instanceof GrammyError && isTokenWrong(error))
    throw new GatewayError(
      'configuration_invalid',
      `Telegram refuses the token of TELEGRAM_BOT_TOKEN (${error.error_code} ${error.description}). Set the one @BotFather shows for the bot and start the gateway again.`,
      { cause: error },
    )
  throw error
}

const isTokenWrong = ({ error_code: code }: GrammyError): boolean => code === 401 || code === 404

/** Below the token's own folder, whatever the path says. */
function addressOf({ token, apiUrl }: Pick<TelegramOptions, 'token' | 'apiUrl'>, path: string): URL {
  const segments = path.split('/').filter((segment) => !/^\.{0,2}$/.test(segment))
  return new URL(`${apiUrl}/file/bot${token}/${segments.join('/')}`)
}

function downloadRefused({ error_code: code, description }: GrammyError): Download {
  if (description.includes('file is too big')) return { type: 'too-large' }
  // A wrong token is the operator's to mend; a busy service gives it later.
  return { type: code === 400 ? 'gone' : 'later', reason: `${code} ${description}` }
}

const chatOf = ({ to }: Pick<OutgoingMessage, 'to'>): number => Number(to.reach ?? to.chat)
const threadOf = ({ to }: Pick<MessageEdit, 'to'>): { readonly message_thread_id?: number } =>
  to.thread === undefined ? {} : { message_thread_id: Number(to.thread) }

/** Who deletes or closes a topic still gets what was promised there, in the group itself. */
const isTopicGone = (error: unknown): boolean =>
  error instanceof GrammyError && /message thread not found|TOPIC_(?:DELETED|CLOSED)/.test(error.description)

/** Each button on a row of its own when its title is long, else two side by side. */
function keyboardOf(buttons: readonly Button[]): { reply_markup?: InlineKeyboardMarkup } {
  if (buttons.length === 0) return {}
  const styles = { good: 'success', bad: 'danger' } as const
  const shown = buttons.map(({ title, command, style }) => ({
    text: title,
    callback_data: command,
    ...(style && { style: styles[style] }),
  }))
  const rows =
    buttons.some(({ title }) => title.length > 12) || buttons.length > 3 ? shown.map((one) => [one]) : [shown]
  return { reply_markup: { inline_keyboard: rows } }
}

/** Styles as the service names them. */
const ENTITY_TYPES = {
  bold: 'bold',
  italic: 'italic',
  strike: 'strikethrough',
  code: 'code',
  block: 'pre',
  quote: 'blockquote',
  link: 'text_link',
} as const satisfies Record<Span['style'], MessageEntity['type']>

function written({ text, spans }: StyledText): { readonly text: string; readonly entities: MessageEntity[] } {
  const entities = spans.map(({ style, offset, length, url, language }) => ({
    type: ENTITY_TYPES[style],
    offset,
    length,
    ...(url !== undefined && { url }),
    ...(language !== undefined && style === 'block' && { language }),
  }))
  return { text, entities: entities as MessageEntity[] }
}

async function acknowledge(api: Api, message: ChatMessage): Promise<void> {
  const chat = Number(message.chat)
  const calls =
    message.press === undefined
      ? [
          api.setMessageReaction(chat, Number(message.messageId), [{ type: 'emoji', emoji: '👀' }]),
          api.sendChatAction(chat, 'typing', threadOf({ to: message })),
        ]
      : [api.answerCallbackQuery(message.press)]
  await Promise.allSettled(calls)
}

function ignoreUnchanged(error: unknown): void {
  if (!(error instanceof GrammyError) || !error.description.includes('message is not modified')) throw error
}

async function delivered(call: () => Promise<string>): Promise<Delivery> {
  try {
    return { type: 'sent', providerId: await call() }
  } catch (error) {
    if (error instanceof GrammyError) return refusalOf(error)
    if (error instanceof HttpError) return brokenOf(error)
    throw error
  }
}

/** The service itself answered: what it refuses was not sent. */
function refusalOf(error: GrammyError): Delivery {
  const { error_code: code, description, parameters } = error
  const reason = `${code} ${description}`
  if (parameters.migrate_to_chat_id !== undefined) return { type: 'moved', chat: String(parameters.migrate_to_chat_id) }
  if (code === 429) return { type: 'later', reason, afterMs: (parameters.retry_after ?? 1) * 1_000 }
  // A wrong token is the operator's to mend: what waits is sent then.
  if (isTokenWrong(error)) return { type: 'later', reason, afterMs: 30_000 }
  // Its front answers so for a server that is restarted, which may have taken the call before.
  return { type: code >= 500 ? 'unknown' : 'refused', reason }
}

/** Failures before the request left; after that nobody knows. */
const NEVER_SENT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'CERT_HAS_EXPIRED']

function brokenOf({ error }: HttpError): Delivery {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  // Not the library's own words: they hold the address, and so the token.
  const reason = typeof code === 'string' ? code : 'no usable answer'
  return { type: NEVER_SENT.includes(String(code)) ? 'later' : 'unknown', reason }
}
