import { createHash } from 'node:crypto'
import { textAnswer } from '../../domain/chat/answers.ts'
import { firstWord, readCommand } from '../../domain/chat/command.ts'
import type { StoredMessage } from '../../domain/ports/chat-store.ts'
import { reply, type ChatDesk } from './desk.ts'

/** `/link <code>`: ties the sender to the account that asked for the code. */
export async function linkSender(desk: ChatDesk, message: StoredMessage): Promise<void> {
  const [code] = firstWord(readCommand(message.text)?.rest ?? '')
  const codeHash = createHash('sha256').update(code.toUpperCase()).digest('hex')
  const { channel, sender, number } = message
  const caller = await desk.store.chatUsers.redeemLink({ codeHash, channel, sender, message: number })
  const answer = caller
    ? `You are linked to ${caller.name} now. Send a task as text; /help lists what else I understand.`
    : 'This code is unknown, used or too old. Ask for a new one (POST /v1/links) and send: /link <code>'
  await reply(desk, message, textAnswer(answer))
}
