import { Described, type Method } from './desk.ts'
import { badRequest, conflict } from './refusal.ts'

const MAX_TOAST = 200
const MAX_COMMANDS = 100
/** The service gives bots no larger files. */
const MAX_DOWNLOAD = 20 * 1_024 * 1_024

export const getMe: Method = ({ world }) => world.bot

export const getUpdates: Method = ({ queue, webhook }, call, left) => {
  if (webhook.isSet)
    throw conflict(`can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first`)
  return queue.take(call, left)
}

export const setWebhook: Method = ({ webhook }, call) => {
  const wasSet = webhook.isSet
  webhook.set(call)
  if (webhook.isSet) return new Described(true, 'Webhook was set')
  return new Described(true, wasSet ? 'Webhook was deleted' : 'Webhook is already deleted')
}

export const deleteWebhook: Method = ({ webhook }, call) => {
  const wasSet = webhook.isSet
  webhook.remove(call)
  return new Described(true, wasSet ? 'Webhook was deleted' : 'Webhook is already deleted')
}

export const getWebhookInfo: Method = ({ webhook }) => webhook.info

export const answerCallbackQuery: Method = ({ world, callbackMs }, call) => {
  call.accept('url', 'cache_time')
  const text = call.text('text')
  const isAlert = call.flag('show_alert')
  const query = world.callbacks.get(call.text('callback_query_id'))
  if (!query || world.now() - query.askedAt > callbackMs)
    throw badRequest('query is too old and response timeout expired or query ID is invalid')
  if (text.length > MAX_TOAST) throw badRequest('MESSAGE_TOO_LONG')
  query.answer ??= { text, isAlert }
  return true
}

export const setMyCommands: Method = (desk, call) => {
  call.accept('scope', 'language_code')
  const list = call.json('commands', 'commands') ?? []
  if (!Array.isArray(list)) throw badRequest('Expected an Array of BotCommand')
  const commands = list.map(readCommand)
  if (commands.length > MAX_COMMANDS) throw badRequest('BOT_COMMANDS_TOO_MUCH')
  desk.commands = commands
  return true
}

function readCommand(value: unknown): { command: string; description: string } {
  const refuse = (why: string) => badRequest(`Can't parse BotCommand: ${why}`)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuse('expected an Object')
  const { command, description } = value as { command?: unknown; description?: unknown }
  for (const [field, text] of Object.entries({ command, description })) {
    if (text === undefined) throw refuse(`Can't find field "${field}"`)
    if (typeof text !== 'string') throw refuse(`Field "${field}" must be of type String`)
  }
  if (!/^\/?[a-z0-9_]{1,32}$/.test(command as string)) throw badRequest('BOT_COMMAND_INVALID')
  const told = (description as string).trim()
  if (told === '' || told.length > 256) throw badRequest('BOT_COMMAND_DESCRIPTION_INVALID')
  return { command: (command as string).replace('/', ''), description: told }
}

export const getMyCommands: Method = (desk, call) => {
  call.accept('scope', 'language_code')
  return desk.commands
}

export const getFile: Method = ({ world }, call) => {
  const id = call.text('file_id')
  if (id === '') throw badRequest('file_id not specified')
  const file = world.files.get(id)
  if (!file) throw badRequest('wrong file_id or the file is temporarily unavailable')
  const { file_id, file_unique_id, file_size, file_name } = file.document
  if (file_size > MAX_DOWNLOAD) throw badRequest('file is too big')
  return { file_id, file_unique_id, file_size, file_path: `documents/${file_id}/${encodeURIComponent(file_name)}` }
}
