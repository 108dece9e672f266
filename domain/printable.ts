/** What a joiner may stand between and a variation selector behind: there they are a part of how something is written. */
const WRITTEN = String.raw`(?<=(?=[^\0-\x7f])[\p{L}\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}])[\u200c\u200d](?=(?=[^\0-\x7f])[\p{L}\p{M}\p{Extended_Pictographic}])|(?<=\p{Extended_Pictographic})\ufe0f`
/** Controls, what turns the direction of text, and what has no width. */
const UNSEEN = String.raw`[^\P{Cc}\n\t]|[\p{Cs}\p{Zl}\p{Zp}\ufff9-\ufffb]|\p{Default_Ignorable_Code_Point}`
const EITHER = new RegExp(`(${WRITTEN})|${UNSEEN}`, 'gu')

/**
 * Text as a person may be shown it: tasks and their models write what they like; a terminal obeys some of it, and some
 * of it hides what else stands there. Each such character is shown as U+FFFD.
 */
export const printable = (text: string): string => text.replace(EITHER, (_, written?: string) => written ?? '\ufffd')
