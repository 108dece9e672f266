import type { ShownButton, ShownMessage } from './conversation.ts'
import { OUT_OF_WINDOW, outOfWindow, parameterInvalid, templateParameters, templateUnknown } from './graph-error.ts'
import type { Throttle } from './limits.ts'
import type { OutgoingMessage, ReadMark } from './message-rules.ts'
import type { Account, Network } from './network.ts'
import { UNDELIVERABLE, type Failure, type Statuses } from './statuses.ts'

const WINDOW_MS = 86_400_000

/** A template that was approved. */
export interface Template {
  readonly name: string
  readonly language: string
  /** With `{{1}}`, `{{2}}` and so on. */
  readonly body: string
}

/** What is done with messages after 24 hours of silence: refused at once, accepted and reported as failed, or let through. */
export type WindowLaw = 'refuse' | 'fail-later' | 'off'

/** Carries out valid requests to `/messages`. */
export class Sending {
  constructor(
    private readonly parts: {
      readonly network: Network
      readonly throttle: Throttle
      readonly statuses: Statuses
      readonly templates: readonly Template[]
      readonly window: WindowLaw
      readonly onMessage: ((message: ShownMessage) => void) | undefined
    },
  ) {}

  /** Marks a message of a person as read, and shows the three dots when asked to. */
  markRead({ message_id, typing_indicator }: ReadMark): object {
    const { network } = this.parts
    const { conversation } = network.holderOf(message_id) ?? {}
    const message = conversation?.find(message_id)
    if (!conversation || message?.from !== 'user') throw parameterInvalid(`Message id ${message_id} is not found`)
    message.isRead = true
    if (typing_indicator) conversation.startTyping(network.now())
    return { success: true }
  }

  /** Sends a message: the answer to the client; how it went on comes as statuses. */
  send(message: OutgoingMessage): object {
    const { network, throttle, statuses } = this.parts
    const to = message.to ?? message.recipient ?? ''
    const account = network.find(to)
    const text = this.textOf(message)
    this.checkTargets(message, account)
    const failure = this.failureOf(message, account)
    throttle.countOutbound(account?.profile.userId ?? to)
    const id = network.nextMessageId(to)
    if (account && !failure) this.show(account, { id, message, text })
    statuses.report({ id, account, to, opaque: message.biz_opaque_callback_data, failure })
    const address =
      message.to === undefined ? { user_id: to } : { wa_id: account?.profile.phone ?? to.replaceAll(/\D/g, '') }
    return {
      messaging_product: 'whatsapp',
      contacts: [{ input: to, ...address }],
      messages: [{ id, ...(message.type === 'template' && { message_status: 'accepted' }) }],
    }
  }

  private show(account: Account, sent: { id: string; message: OutgoingMessage; text: string }): void {
    const { conversation } = account
    const { reaction } = sent.message
    const target = reaction && conversation.find(reaction.message_id)
    if (reaction && target) target.reaction = reaction.emoji
    if (reaction) return
    const message = shown(sent)
    conversation.add(message)
    this.parts.onMessage?.(message)
  }

  /** Messages that are answered or reacted to must be in the conversation. */
  private checkTargets(message: OutgoingMessage, account: Account | undefined): void {
    for (const id of [message.context?.message_id, message.reaction?.message_id])
      if (id !== undefined && !account?.conversation.find(id)) throw parameterInvalid(`Message id ${id} is not found`)
  }

  private failureOf({ type }: OutgoingMessage, account: Account | undefined): Failure | undefined {
    if (!account || account.isUnreachable) return UNDELIVERABLE
    const { lastInboundAt } = account.conversation
    const isOpen = lastInboundAt !== undefined && this.parts.network.now() - lastInboundAt < WINDOW_MS
    if (isOpen || type === 'template' || this.parts.window === 'off') return undefined
    if (this.parts.window === 'refuse') throw outOfWindow()
    return { code: 131_047, title: 'Re-engagement message', details: OUT_OF_WINDOW }
  }

  private textOf(message: OutgoingMessage): string {
    if (message.text) return message.text.body
    if (message.interactive) return message.interactive.body.text
    return message.template ? this.filled(message.template) : ''
  }

  private filled({ name, language, components = [] }: NonNullable<OutgoingMessage['template']>): string {
    const known = this.parts.templates.find((one) => one.name === name && one.language === language.code)
    if (!known) throw templateUnknown(name, language.code)
    const parameters = components.find(({ type }) => type === 'body')?.parameters ?? []
    const expected = new Set(known.body.match(/\{\{\d+\}\}/g)).size
    if (parameters.length !== expected) throw templateParameters(parameters.length, expected)
    return known.body.replaceAll(/\{\{(\d+)\}\}/g, (_, number: string) => parameters[Number(number) - 1]?.text ?? '')
  }
}

function shown({ id, message, text }: { id: string; message: OutgoingMessage; text: string }): ShownMessage {
  const { interactive, context, type } = message
  return {
    id,
    from: 'business',
    type,
    text,
    buttons: buttonsOf(message),
    ...(interactive?.header?.text !== undefined && { header: interactive.header.text }),
    ...(interactive?.footer && { footer: interactive.footer.text }),
    ...(interactive?.action.button !== undefined && { listTitle: interactive.action.button }),
    ...(context && { repliesTo: context.message_id }),
  }
}

function buttonsOf({ interactive }: OutgoingMessage): ShownButton[] {
  const { buttons = [], sections = [] } = interactive?.action ?? {}
  return [...buttons.map(({ reply }) => reply), ...sections.flatMap(({ rows }) => rows)]
}
