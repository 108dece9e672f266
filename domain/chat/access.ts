import type { ChannelName, ChatSender } from './message.ts'

/** Who besides linked users may give tasks: nobody, those on a list, anybody. */
export type ChatAccess =
  | { readonly mode: 'linked' }
  | { readonly mode: 'allowlist'; readonly allowed: readonly string[] }
  | { readonly mode: 'open' }

/** Whether somebody without a link may give tasks. Names are compared whole: one that only ends alike is another one. */
export function mayEnter(
  access: ChatAccess,
  { channel, sender }: { channel: ChannelName; sender: ChatSender },
): boolean {
  if (access.mode !== 'allowlist') return access.mode === 'open'
  return [sender.id, sender.alias].some(
    (id) => id !== undefined && id !== '' && access.allowed.includes(`${channel}:${id}`),
  )
}
