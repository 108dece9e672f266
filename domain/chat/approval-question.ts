import { printable } from '../printable.ts'
import type { Task, Waiting } from '../task.ts'
import type { Button } from './message.ts'
import { joined, plain, styled, withoutMiddle, type StyledText } from './styled-text.ts'
import type { Draft } from './task-card.ts'

/** What some channels take under buttons, with the words around it. */
const MAX_ASKED = 600
/** Less, since then more words stand around it. */
const MAX_EXCERPT = 440
/** What somebody who asks for the whole reads: a few messages. */
const MAX_WHOLE = 6_000

/** What an approval is asked for, as far as it is known. */
export interface AskedCall {
  readonly args: unknown
  /** Whether the whole was asked for. */
  readonly whole?: boolean
}

/**
 * Asks to approve a call. Only what is shown to the last character is approved by its button; the button of what is cut
 * shows the whole, with a button of its own.
 */
export function approvalQuestion(
  { id, title, waiting }: Pick<Task, 'id'> & { readonly title: StyledText; readonly waiting: Waiting },
  call?: AskedCall,
): Draft {
  const { approvalId = '', tool = 'a tool', callHash, expiresAt } = waiting
  const details = printable(argumentsOf(call?.args))
  const isShown = call !== undefined && details.length <= (call.whole === true ? MAX_WHOLE : MAX_ASKED)
  const shown = isShown ? details : withoutMiddle(details, MAX_EXCERPT)
  const head = joined([plain('🔐 '), title, plain(` asks to use ${printable(tool)}:`)], '')
  const until = expiresAt === undefined ? '' : `Open until ${expiresAt.slice(0, 10)}; then it counts as refused.`
  const rest =
    call?.whole === true ? `The whole: GET /v1/tasks/${id}/events` : 'Approve shows the whole first, and asks again.'
  const words = `This is not all of it. ${rest}\nTo approve it: /approve ${approvalId}`
  return {
    text: joined([
      head,
      ...(shown === '' ? [] : [styled(shown, 'block')]),
      ...(isShown ? [] : [plain(words)]),
      ...(callHash === undefined ? [] : [plain(`Call ${callHash}`)]),
      plain(until),
    ]),
    buttons: [
      ...approving({ isShown, whole: call?.whole === true, id, approvalId }),
      { title: 'Reject', command: `/reject ${approvalId}`, style: 'bad' },
    ],
  }
}

function approving(asked: {
  readonly isShown: boolean
  readonly whole: boolean
  readonly id: string
  readonly approvalId: string
}): readonly Button[] {
  const { isShown, whole, id, approvalId } = asked
  if (!isShown && whole) return []
  return [{ title: 'Approve', command: isShown ? `/approve ${approvalId}` : `/status ${id}`, style: 'good' }]
}

/** The words of a command, then the other arguments a line each. */
function argumentsOf(args: unknown): string {
  if (typeof args !== 'object' || args === null) return ''
  const { command, ...others } = args as { readonly command?: unknown }
  const line = ([name, value]: [string, unknown]) =>
    `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`
  if (typeof command !== 'string') return Object.entries(args).map(line).join('\n')
  return [command, ...Object.entries(others).map(line)].join('\n')
}
