import { printable } from '../printable.ts'
import { isFinal, isWaiting, type DiffStat, type Task, type TaskState } from '../task.ts'
import { approvalQuestion, type AskedCall } from './approval-question.ts'
import type { Button } from './message.ts'
import { fromMarkdown } from './markdown.ts'
import { joined, plain, shortened, styled, type StyledText } from './styled-text.ts'

/** A task with what only its watchers in a chat are shown beside it. */
export interface CardContext {
  readonly task: Task
  readonly model?: string | undefined
  /** Page of the task. */
  readonly link: string
  readonly now: Date
}

/** A message before it is cut to the measure of a channel. */
export interface Draft {
  readonly text: StyledText
  readonly buttons: readonly Button[]
}

const STAGES: readonly (readonly [state: TaskState, name: string])[] = [
  ['understanding', 'understand'],
  ['queued', 'queue'],
  ['building', 'build'],
  ['verifying', 'verify'],
  ['delivering', 'deliver'],
]
/** A longer plan would push what matters off the screen. */
const PLAN_LINES = 6
const PLAN_MARKS = { pending: '▢', in_progress: '▸', completed: '✅', cancelled: '✖' } as const

/** The one message that shows where a task stands; asides stand where nothing is cut. */
export function cardOf(context: CardContext, asides: readonly StyledText[] = []): Draft {
  const { task } = context
  const lines = [
    joined([plain(`${markOf(task.state)} `), titleOf(task), plain(placeOf(task))], ''),
    ...asides,
    ...(isFinal(task.state) ? [] : [plain(stageLine(task))]),
    ...task.progress.plan
      .slice(0, PLAN_LINES)
      .map(({ text, status }) => plain(`${PLAN_MARKS[status]} ${shortened(printable(text), 80)}`)),
    plain(factsOf(context)),
    joined([styled(task.id, 'code')], ''),
  ]
  return { text: joined(lines), buttons: cardButtons(task) }
}

/** The title in a form that hides nothing. */
const titleOf = ({ title }: Task): StyledText => styled(shortened(printable(title), 120), 'bold')

function markOf(state: TaskState): string {
  if (state === 'completed') return '✅'
  if (state === 'cancelled') return '⏹'
  if (isFinal(state)) return '❌'
  return isWaiting(state) ? '⏸' : '🔧'
}

const placeOf = ({ repository }: Task): string =>
  repository === null ? '' : ` · ${printable(placeName(repository.url))}`

/** The last two parts of a repository's URL. */
function placeName(url: string): string {
  const parts = url
    .replace(/\.git\/?$/, '')
    .split(/[/:]/)
    .filter(Boolean)
  return parts.slice(-2).join('/')
}

function stageLine({ state }: Task): string {
  if (isWaiting(state)) return state.replace('awaiting_', 'waits for your ')
  const current = STAGES.findIndex(([stage]) => stage === state)
  return STAGES.map(([, name], index) => `${index < current ? '✅' : index === current ? '▸' : '▢'} ${name}`).join('  ')
}

/** Time, cost and model in a line. */
export function factsOf({ task, model, now }: Omit<CardContext, 'link'>): string {
  const until = task.endedAt === undefined ? now : new Date(task.endedAt)
  const { budgetUsd } = task.constraints
  return [
    `⏱ ${spanOf(until.getTime() - Date.parse(task.createdAt))}`,
    `💵 ${dollarsOf(task.cost.usd)}${budgetUsd === undefined ? '' : ` of ${dollarsOf(budgetUsd)}`}`,
    ...(model === undefined ? [] : [`🤖 ${model}`]),
  ].join(' · ')
}

/** `3m12s`. */
export function spanOf(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1_000))
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60)]
  if (hours > 0) return `${hours}h${minutes}m`
  return minutes > 0 ? `${minutes}m${seconds % 60}s` : `${seconds}s`
}

/** Cents where they tell something, more digits below. */
export const dollarsOf = (usd: number): string => `$${usd >= 1 || usd === 0 ? usd.toFixed(2) : usd.toFixed(4)}`

/** `+12 −3 in 4 files`. */
export const statOf = ({ files, insertions, deletions }: DiffStat): string =>
  `+${insertions} −${deletions} in ${files} file${files === 1 ? '' : 's'}`

function cardButtons({ id, state, result }: Task): readonly Button[] {
  if (!isFinal(state)) return [{ title: 'Cancel', command: `/cancel ${id}` }]
  if (state !== 'completed') return [{ title: 'Retry', command: `/retry ${id}` }]
  return result?.diffstat ? [{ title: 'Diff', command: `/diff ${id}` }] : []
}

/** The end of a task: the summary whole, or what failed and what can be done. */
export function endOf(context: CardContext, asides: readonly StyledText[] = []): Draft {
  const { task } = context
  const head = joined([plain(`${markOf(task.state)} `), titleOf(task)], '')
  return {
    text: joined([head, ...asides, bodyOf(task), plain(footOf(context)), plain(linksOf(context))], '\n\n'),
    buttons: [],
  }
}

/** What an end closes with that is longer than a chat may be told at once. */
export function endOfCut(context: CardContext): StyledText {
  const more = `… This is not all. The whole: /status ${context.task.id}`
  return plain([more, footOf(context), linksOf(context)].join('\n\n'))
}

const linksOf = ({ task, link }: CardContext): string =>
  [task.result?.pullRequest, link].filter((one) => one !== undefined).join('\n')

function bodyOf({ id, state, result, error }: Task): StyledText {
  if (result) return fromMarkdown(result.summary)
  if (error) return plain(`${shortened(error.message, 2_000)}\n(${error.code}) Run it again: /retry ${id}`)
  return plain(state === 'cancelled' ? 'Cancelled.' : `Ended as ${state}. Run it again: /retry ${id}`)
}

function footOf(context: CardContext): string {
  const { result } = context.task
  const delivered = result
    ? [
        `verdict: ${result.verdict}`,
        ...(result.diffstat ? [statOf(result.diffstat)] : []),
        ...(result.branch ? [result.branch] : []),
      ]
    : []
  return [...delivered, factsOf(context)].join(' · ')
}

/** What a waiting task asks for; undefined when it does not wait for a person's answer. */
export function waitOf({ task }: Pick<CardContext, 'task'>, call?: AskedCall): Draft | undefined {
  const { waiting, id } = task
  const title = titleOf(task)
  if (waiting?.for === 'input') {
    const question = fromMarkdown(shortened(printable(waiting.question ?? ''), 3_000))
    return { text: joined([joined([plain('❓ '), title], ''), question], '\n'), buttons: [] }
  }
  if (waiting?.for === 'approval') return approvalQuestion({ id, title, waiting }, call)
  if (waiting?.for !== 'budget') return undefined
  const { budgetUsd = task.cost.usd } = task.constraints
  const raised = Math.max(budgetUsd * 2, Math.ceil(task.cost.usd * 200) / 100)
  return {
    text: joined([
      joined([plain('💵 '), title], ''),
      plain(`It has spent ${dollarsOf(task.cost.usd)} of ${dollarsOf(budgetUsd)} and waits for a larger budget.`),
    ]),
    buttons: [
      { title: `Raise to ${dollarsOf(raised)}`.slice(0, 20), command: `/budget ${raised} ${id}`, style: 'good' },
      { title: 'Cancel', command: `/cancel ${id}`, style: 'bad' },
    ],
  }
}
