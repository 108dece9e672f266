import type { ChannelTraits } from '../../../domain/ports/channel.ts'

/** The measure of a channel whose messages can be changed and can arrive without a sound. */
export const EDITING: ChannelTraits = {
  ...{ maxText: 4_096, maxTextWithButtons: 4_096, spanCost: () => 0, maxButtons: 10 },
  ...{ silence: true, edits: true, invites: false },
}
