import { createHash } from 'node:crypto'
import { mayEnter, type ChatAccess } from '../../domain/chat/access.ts'
import type { ChannelName, ChatSender } from '../../domain/chat/message.ts'
import type { Caller } from '../../domain/permissions.ts'
import type { ChatUsers } from '../../domain/ports/chat-store.ts'

/** The tenant of people nobody has linked to an account. */
const OPEN_TENANT = 'default'

/** Whom a chat user acts for: the linked account, else themselves where that is allowed, else nobody. */
export async function callerOf(
  { chatUsers, access }: { readonly chatUsers: ChatUsers; readonly access: ChatAccess },
  user: { readonly channel: ChannelName; readonly sender: ChatSender },
): Promise<Caller | undefined> {
  const linked = await chatUsers.callerOf(user)
  if (linked || !mayEnter(access, user)) return linked
  // A requester stands in Temporal's history; a phone number must not.
  const digest = createHash('sha256').update(user.sender.id).digest('hex').slice(0, 16)
  const subject = `${user.channel}:${digest}`
  return { subject, name: subject, tenant: OPEN_TENANT, roles: ['submitter'] }
}
