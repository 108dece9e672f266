import { createHash } from 'node:crypto'
import { mayEnter, type ChatAccess } from '../../domain/chat/access.ts'
import type { ChannelName, ChatSender } from '../../domain/chat/message.ts'
import { GatewayError } from '../../domain/errors.ts'
import { isAllowed, type Caller, type Permission } from '../../domain/permissions.ts'
import type { ChatUsers } from '../../domain/ports/chat-store.ts'
import type { Task } from '../../domain/task.ts'

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

/** Whether a task is the caller's own, or the caller runs the gateway. */
export const mayChange = (caller: Caller, task: Pick<Task, 'requester' | 'tenant'>): boolean =>
  task.tenant === caller.tenant &&
  (task.requester === caller.subject || caller.roles.some((role) => role === 'admin' || role === 'operator'))

/** Throws `forbidden` unless the caller may do this to the task, as the API does. */
export function checkMay(caller: Caller, permission: Permission, task?: Task): void {
  if (!isAllowed(caller, permission))
    throw new GatewayError(
      'forbidden',
      `Your account lacks the permission ${permission}. Ask an admin for a role that grants it.`,
    )
  if (task && !mayChange(caller, task))
    throw new GatewayError(
      'forbidden',
      'This task belongs to somebody else. Its requester or an operator may change it.',
    )
}
