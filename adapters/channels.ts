import type { z } from 'zod'
import type { ChannelName } from '../domain/chat/message.ts'
import type { OpenChannel } from '../domain/ports/channel.ts'
import { TELEGRAM } from './telegram/telegram.ts'
import { WHATSAPP } from './whatsapp/whatsapp.ts'

/** What the gateway knows of a chat service before it speaks to it: its settings, and how it is opened with them. */
export interface ChannelAdapter<Settings extends z.ZodRawShape = z.ZodRawShape> {
  readonly name: ChannelName
  /** As people call it. */
  readonly title: string
  /** Variables of the environment. */
  readonly settings: Settings
  /** Names of the variables without which what is given is no whole configuration. */
  missing(given: Readonly<Record<string, string>>): readonly string[]
  /** Loads what speaks to the service, which whoever only reads settings does without; undefined when it is not configured. */
  open(settings: z.output<z.ZodObject<Settings>>): Promise<OpenChannel | undefined>
}

/** The channels there are: each is a folder here and a word in these two lines. */
export const CHANNELS = [TELEGRAM, WHATSAPP] as const
export const CHANNEL_SETTINGS = { ...TELEGRAM.settings, ...WHATSAPP.settings }

/** Those of the channels that are configured. */
export async function openChannels<Settings>(
  adapters: readonly { open(settings: NoInfer<Settings>): Promise<OpenChannel | undefined> }[],
  settings: Settings,
): Promise<readonly OpenChannel[]> {
  const opened = await Promise.all(adapters.map((adapter) => adapter.open(settings)))
  return opened.filter((channel) => channel !== undefined)
}
