import { shortened } from './chat/styled-text.ts'
import { dollarsOf } from './chat/task-card.ts'
import type { PullRequestText } from './ports/forge.ts'
import type { CommandEvidence, Evidence } from './receipt.ts'
import type { Task } from './task.ts'

/** Forges take 255 characters; some of ours grow when they are made inert. */
const MAX_TITLE = 200
/** GitHub takes 65,536 characters in all; more than this nobody reads. */
const MAX_SUMMARY = 10_000
const MAX_COMMAND = 300
const MAX_COMMANDS = 30
/** Code is not wrapped by the page that shows it. */
const LINE = 100

/** What a pull request is about. */
export interface PullRequestSubject {
  readonly task: Pick<Task, 'id' | 'title' | 'cost'>
  /** The model's words. */
  readonly summary: string
  readonly evidence: Evidence
  /** SHA-256 of the receipt's evidence, hex. */
  readonly receiptSha256: string
  /** Page of the task; absent when the gateway has no public address. */
  readonly link?: string | undefined
}

/**
 * Title and body of a task's pull request. What the model or the requester wrote is shown as code: nothing in it
 * mentions anybody, closes an issue, links, or loads a picture.
 */
export function pullRequestText({ task, summary, evidence, receiptSha256, link }: PullRequestSubject): PullRequestText {
  const name = link === undefined ? `\`${task.id}\`` : `[\`${task.id}\`](${link})`
  return {
    title: inert(shortened(task.title.replace(/\s+/g, ' ').trim(), MAX_TITLE)) || task.id,
    body: [
      `Delivered by the OpenClaw Enterprise Gateway, task ${name}. Verdict of the verifier: **${evidence.verdict}**.`,
      '**Summary, in the words of the model**',
      code(shortened(summary, MAX_SUMMARY)),
      ...acceptanceOf(evidence),
      `Cost: ${dollarsOf(task.cost.usd)} · receipt: SHA-256 \`${receiptSha256}\`, signed for commit \`${evidence.commit}\``,
    ].join('\n\n'),
  }
}

function acceptanceOf({ setup, commands }: Evidence): readonly string[] {
  const ran = [...setup, ...commands]
  if (ran.length === 0) return ['**Acceptance**: no command was given, so nothing was checked.']
  const shown = ran.slice(0, MAX_COMMANDS).map((one) => `${resultOf(one)}  $ ${shortened(one.command, MAX_COMMAND)}`)
  const left = ran.length - shown.length
  return ['**Acceptance**', code([...shown, ...(left > 0 ? [`… and ${left} more`] : [])].join('\n'))]
}

const resultOf = ({ exitCode, timedOut }: CommandEvidence): string => (timedOut ? 'timed out' : `exit ${exitCode}`)

/** A block no run of backticks inside can end. */
function code(text: string): string {
  const wrapped = inert(text).split('\n').flatMap(wrap).join('\n')
  const longest = Math.max(0, ...[...wrapped.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = '`'.repeat(Math.max(3, longest + 1))
  return `${fence}text\n${wrapped}\n${fence}`
}

/** A line as several, broken at blanks. */
function wrap(line: string): readonly string[] {
  const lines: string[] = []
  let rest = line
  while (rest.length > LINE) {
    const blank = rest.lastIndexOf(' ', LINE)
    // Half a character would be no text.
    const end = /[\ud800-\udbff]/.test(rest.charAt(LINE - 1)) ? LINE - 1 : LINE
    const at = blank > LINE / 2 ? blank : end
    lines.push(rest.slice(0, at))
    rest = rest.slice(at).trimStart()
  }
  return [...lines, rest]
}

const BREAK = '\u200b'

/**
 * Text without the forms a forge acts on wherever they stand, also in a commit message: `@name` tells a person, `#1`,
 * `GH-1` and the address of an issue close or link it. An invisible blank parts each; the eye sees no difference.
 */
export function inert(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(/(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu, '')
    .replace(/@(?=\w)|[#!](?=\d)|\bGH-(?=\d)|:(?=\/\/)/gi, `$&${BREAK}`)
}
