import {
  deleteMessage,
  editMessageReplyMarkup,
  editMessageText,
  sendChatAction,
  setMessageReaction,
} from './changing.ts'
import type { Method } from './desk.ts'
import { sendDocument, sendMessage, sendMessageDraft } from './sending.ts'
import {
  answerCallbackQuery,
  deleteWebhook,
  getFile,
  getMe,
  getMyCommands,
  getUpdates,
  getWebhookInfo,
  setMyCommands,
  setWebhook,
} from './serving.ts'

/** The methods this simulator serves, by the names the Bot API has for them. */
export const METHODS = {
  answerCallbackQuery,
  deleteMessage,
  deleteWebhook,
  editMessageReplyMarkup,
  editMessageText,
  getFile,
  getMe,
  getMyCommands,
  getUpdates,
  getWebhookInfo,
  sendChatAction,
  sendDocument,
  sendMessage,
  sendMessageDraft,
  setMessageReaction,
  setMyCommands,
  setWebhook,
} as const satisfies Record<string, Method>

const BY_NAME = new Map<string, Method>(Object.entries(METHODS).map(([name, method]) => [name.toLowerCase(), method]))

/** A method by its name, in any case; undefined when there is none. */
export const methodNamed = (name: string): Method | undefined => BY_NAME.get(name.toLowerCase())
