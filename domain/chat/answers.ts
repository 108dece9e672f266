import type { TaskEvent } from '../events.ts'
import { MAX_FILE_BYTES, MAX_FILES, MAX_FILES_BYTES, MAX_TEXT_FILE_BYTES } from '../limits.ts'
import type { LeftOut } from '../ports/attachment-store.ts'
import { isFinal, type DiffStat, type Task } from '../task.ts'
import { COMMANDS, type CommandName } from './command.ts'
import type { ChatTask, FixedAnswer } from './meaning.ts'
import type { Button } from './message.ts'
import { joined, plain, shortened, styled, type StyledText } from './styled-text.ts'
import { dollarsOf, statOf, type Draft } from './task-card.ts'

const READABLE = 'images (PNG, JPEG, WebP), PDF and text files'

const FIXED: Readonly<Record<FixedAnswer, string>> = {
  'unknown-command': 'I do not know this command. /help lists all of them.',
  wordless: `I read text and ${READABLE}. Write in a few words what should be done.`,
  'file-alone': 'What should be done with this file? Send it again with a few words under it.',
  stranger: 'I do not know you yet. Ask for a code (POST /v1/links with your API key) and send me: /link <code>',
  'no-task': 'There is no task here that fits. /tasks lists yours; add an id, as in /status task-01J…',
  'empty-new': 'Say what should be done: /new fix the login',
  stale: 'This button has had its time. /status shows where the task stands now.',
}

export const fixedAnswer = (answer: FixedAnswer): Draft => textAnswer(FIXED[answer])

const MIB = 1024 * 1024

const LEFT_OUT: Readonly<Record<LeftOut, (name: string) => string>> = {
  unreadable: (name) => `I cannot read ${name}: besides text I read ${READABLE}.`,
  'too-large': (name) =>
    `${name} is too large for me: I take files of ${MAX_FILE_BYTES / MIB} MiB, text files of ${MAX_TEXT_FILE_BYTES / 1024} KiB.`,
  'too-many': (name) =>
    `${name} is one too many: a task takes ${MAX_FILES} files, ${MAX_FILES_BYTES / MIB} MiB together.`,
  damaged: (name) => `${name} did not arrive as it was sent. Send it again.`,
  unobtainable: (name) => `I could not get ${name}. Send it again if it matters.`,
}

/** Says once why a file was left out, and that its words were not. */
export const leftOutAnswer = (file: { readonly name: string; readonly reason: LeftOut; readonly words: boolean }) =>
  textAnswer(`${LEFT_OUT[file.reason](file.name)}${file.words ? ' Your words count without it.' : ''}`)

/** The answer to a command that came with a file. */
export const withFileLeft = <Answer extends Draft>(answer: Answer): Answer => ({
  ...answer,
  text: joined([answer.text, plain('I did nothing with the file.')], '\n\n'),
})

/** An answer that is only words. */
export const textAnswer = (text: string): Draft => ({ text: plain(text), buttons: [] })

export const failedAnswer = (): Draft =>
  textAnswer('I could not do this: a service behind me has not answered for ten minutes. Send it again later.')

/** Every command with what it does. */
export function helpAnswer(): Draft {
  const lines = Object.values(COMMANDS).map(({ form, does }) => joined([styled(form, 'code'), plain(` ${does}`)], ''))
  const more = plain(
    'Other text goes to the task that runs here; when none runs, it is a new task. A reply is about the task it replies to.',
  )
  return { text: joined([...lines, plain(''), more]), buttons: [] }
}

/** Tasks, a line each. */
export function tasksAnswer(tasks: readonly Task[]): Draft {
  if (tasks.length === 0) return textAnswer('You have no tasks yet. Send /new and what should be done.')
  const line = ({ id, state, title }: Task) =>
    joined([styled(id, 'code'), plain(` ${state}: ${shortened(title, 60)}`)], '')
  return { text: joined(tasks.map(line)), buttons: [] }
}

/** Longest title every channel shows on a button in a list. */
const MAX_TITLE = 24
const titleOf = (text: string): string => shortened(text, MAX_TITLE)

/** Asks for which of several running tasks a message is meant. */
export function whichTaskQuestion(message: number, tasks: readonly ChatTask[]): Draft {
  return {
    text: plain('Several tasks run here. For which one is this?'),
    buttons: [
      ...tasks.map(({ id, title }) => ({ title: titleOf(title), command: `/to ${message} ${id}` })),
      { title: 'A new task', command: `/to ${message} new` },
    ],
  }
}

/** Asks which task a command is about. */
export function whichForCommand(command: CommandName, tasks: readonly ChatTask[]): Draft {
  const buttons = tasks.map(({ id, title }) => ({ title: titleOf(title), command: `/${command} ${id}` }))
  return { text: plain(`Several tasks fit. Which one is /${command} about?`), buttons }
}

/** The least any channel carries behind a button. */
const MAX_COMMAND_BYTES = 64

/** Asks in which repository a task is to be done. */
export function whichRepository(message: number, names: readonly string[]): Draft {
  const buttons: readonly Button[] = names
    .map((name) => ({ title: titleOf(name), command: `/in ${message} ${name}` }))
    .filter(({ command }) => command.length <= MAX_COMMAND_BYTES)
  const list = names.length > buttons.length ? `\n${names.join('\n')}\nOr choose one for this chat: /repo <name>` : ''
  return { text: plain(`In which repository?${list}`), buttons }
}

/** The repositories that can be chosen, and the one that is. */
export function repositoriesAnswer(names: readonly string[], chosen: string | undefined): Draft {
  if (names.length === 0 && chosen === undefined)
    return textAnswer('No repository is configured. Choose one by its URL: /repo https://…')
  const now = chosen === undefined ? 'none' : chosen
  return textAnswer(
    [`This chat's repository: ${now}`, ...names.map((name) => `• ${name}`), 'Choose: /repo <name>'].join('\n'),
  )
}

export function costAnswer({ id, cost, constraints }: Task): Draft {
  const budget = constraints.budgetUsd === undefined ? 'no budget' : `budget ${dollarsOf(constraints.budgetUsd)}`
  const tokens = `${cost.inputTokens} tokens in (${cost.cachedTokens} cached), ${cost.outputTokens + cost.thoughtTokens} out`
  const line = `${dollarsOf(cost.usd)} in ${cost.modelCalls} model calls, ${budget}\n${tokens}`
  return { text: joined([styled(id, 'code'), plain(line)]), buttons: [] }
}

/** A hunk that fills a screen says enough; the rest is behind the link. */
const HUNK_LINES = 30

/** `+12 −3 in 4 files`, the first hunk, and where the rest is. */
export function diffAnswer({ task, patch, link }: { task: Task; patch: string; link: string }): Draft {
  if (patch === '')
    return textAnswer(isFinal(task.state) ? 'This task changed nothing.' : `There is no change yet (${task.state}).`)
  const hunk = firstHunk(patch)
  const stat = plain(statOf(task.result?.diffstat ?? countChanges(patch)))
  const code: StyledText = { text: hunk, spans: [{ style: 'block', offset: 0, length: hunk.length, language: 'diff' }] }
  return { text: joined([stat, code, plain(link)]), buttons: [] }
}

function firstHunk(patch: string): string {
  const lines = patch.split('\n')
  const start = lines.findIndex((line) => line.startsWith('@@'))
  if (start === -1) return shortened(lines.slice(0, 5).join('\n'), 2_000)
  const file = lines.slice(0, start).findLast((line) => line.startsWith('+++ '))
  const length = lines.slice(start + 1).findIndex((line) => /^(@@|diff --git )/.test(line))
  const hunk = lines.slice(start, length === -1 ? lines.length : start + 1 + length)
  const shown = hunk.length > HUNK_LINES ? [...hunk.slice(0, HUNK_LINES), '…'] : hunk
  return shortened([...(file === undefined ? [] : [file]), ...shown].join('\n').trimEnd(), 2_500)
}

/** Also of a task that ended without a result. */
function countChanges(patch: string): DiffStat {
  const lines = patch.split('\n')
  const count = (form: RegExp) => lines.filter((line) => form.test(line)).length
  return { files: count(/^diff --git /), insertions: count(/^\+(?!\+\+ )/), deletions: count(/^-(?!-- )/) }
}

/** The last steps of a task. */
export function logsAnswer(events: readonly TaskEvent[], link: string): Draft {
  const line = ({ at, type, data }: TaskEvent) => {
    const { name, summary, reason, state } = data
    const more = [name, summary ?? reason ?? state].filter((part) => typeof part === 'string').join(': ')
    return `${at.slice(11, 19)} ${type}${more === '' ? '' : ` · ${shortened(more, 120)}`}`
  }
  const text = events.length === 0 ? 'Nothing has happened yet.' : events.map(line).join('\n')
  return { text: joined([styled(text, 'block'), plain(link)]), buttons: [] }
}
