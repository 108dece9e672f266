import type { TaskEvent } from '../events.ts'
import type { ChannelTraits } from '../ports/channel.ts'
import type { Follower, Post } from '../ports/outbox.ts'
import { MESSAGES_PER_TASK } from '../limits.ts'
import { printable } from '../printable.ts'
import { isFinal, type Task } from '../task.ts'
import { editOf, messagesOf, type Bound } from './posting.ts'
import { joined, plain, type StyledText } from './styled-text.ts'
import { cardOf, dollarsOf, endOf, endOfCut, waitOf, type CardContext, type Draft } from './task-card.ts'

/** The card and the end. */
const ALWAYS_TOLD = 2
const WAITS = ['approval-requested', 'input-requested', 'budget-requested']

export interface Report {
  readonly posts: readonly Post[]
  /** How often the person has been asked by a new message. */
  readonly asked: number
}

interface Told extends CardContext {
  readonly follower: Pick<Follower, 'taskId' | 'seen' | 'asked'> & { readonly conversation: string }
  /** What has happened since. */
  readonly events: readonly TaskEvent[]
  readonly traits: ChannelTraits
  /** What the card or the end takes along. A question does not: only what is shown whole is answered by a button. */
  readonly asides: readonly StyledText[]
  /** The last question as it is shown by now, where messages can be changed. */
  readonly question?: Draft | undefined
}

/** Id of the message that asked a person for the so-manieth time. */
export const questionId = ({ taskId, asked }: Pick<Follower, 'taskId' | 'asked'>): string => `${taskId}/ask-${asked}`

/**
 * What a chat is told of a task's new events: one card, which is changed silently where the channel can do that; what
 * the task waits for, by new messages at first; the end as a new message.
 */
export function reportTo(told: Told): Report {
  const { task, follower } = told
  const card = cardPosts(told)
  const { posts, asked } = asking(told)
  const draft = endOf(told, follower.seen === 0 ? [] : told.asides)
  const end = isFinal(task.state) ? send(told, { name: 'end', draft, bound: endBound(told) }) : []
  return { posts: [...card, ...posts, ...end], asked: Math.max(asked, follower.asked) }
}

interface Sent {
  readonly name: string
  readonly draft: Draft
  readonly silent?: boolean
  /** One message without it. */
  readonly bound?: Bound
}

/** Where every message makes a sound there are no more than the task has left; elsewhere one alone does. */
function send({ follower, traits }: Told, { name, draft, silent = false, bound }: Sent): readonly Post[] {
  const { taskId, conversation } = follower
  const { silence } = traits
  const one = { most: 1, rest: plain(`… /status ${taskId} shows more.`) }
  const measure = silence ? { traits } : { traits, bound: bound ?? one }
  return messagesOf(draft, { id: `${taskId}/${name}`, conversation, taskId, silent }, measure)
}

/** What the card and the questions have left of a task's messages. */
const endBound = (told: Told): Bound => ({
  most: 1 + mostAsked(told.traits) - told.follower.asked,
  rest: endOfCut(told),
})

function change({ follower, traits }: Told, name: string, draft: Draft): readonly Post[] {
  const { taskId, conversation } = follower
  return traits.edits ? [editOf(draft, { of: `${taskId}/${name}`, conversation }, traits)] : []
}

function cardPosts(told: Told): readonly Post[] {
  return told.follower.seen === 0
    ? send(told, { name: 'card', draft: cardOf(told, told.asides), silent: true })
    : change(told, 'card', cardOf(told))
}

function asking(told: Told): Report {
  const { task, events, follower, traits } = told
  const { asked } = follower
  const requested = events.findLast(({ type }) => WAITS.includes(type))
  const wait = requested && waitOf({ task }, { args: requested.data['args'] })
  const settled = asked > 0 ? settling(told, wait !== undefined) : []
  if (!wait) return { posts: settled, asked }
  const most = mostAsked(traits)
  if (asked >= most) return { posts: change(told, `ask-${asked}`, wait), asked }
  const isLast = asked + 1 === most && !traits.edits
  const draft = isLast ? { ...wait, text: joined([wait.text, LATER]) } : wait
  return { posts: [...settled, ...send(told, { name: `ask-${asked + 1}`, draft })], asked: asked + 1 }
}

/** Takes the buttons from the question shown last, once it was answered in whatever way or another one takes its place. */
function settling(told: Told, isAskedAnew: boolean): readonly Post[] {
  const { task, events, follower, question } = told
  const decided = events.findLast(({ type }) => type === 'approval-decided')
  const isOver = question !== undefined && question.buttons.length > 0 && (isAskedAnew || !isOpen(question, task))
  const settled = decided ? decision(told, decided) : isOver ? closed(question, task) : undefined
  return settled ? change(told, `ask-${follower.asked}`, settled) : []
}

/** Whether the task still waits for what the question's buttons say. */
const isOpen = ({ buttons }: Draft, { waiting }: Task): boolean =>
  buttons.some(({ command }) =>
    // What a budget would be raised to moves with what is spent; an approval can be refused however it is shown.
    waiting?.for === 'budget'
      ? command.startsWith('/budget ')
      : waiting?.for === 'approval' && command === `/reject ${waiting.approvalId}`,
  )

function closed({ text, buttons }: Draft, { state, constraints: { budgetUsd } }: Task): Draft {
  const isRaised = budgetUsd !== undefined && buttons.some(({ command }) => command.startsWith('/budget '))
  const now = isFinal(state)
    ? `It has ended (${state}).`
    : isRaised
      ? `The budget is ${dollarsOf(budgetUsd)} now.`
      : 'It waits for this no more.'
  return { text: joined([text, plain(now)]), buttons: [] }
}

/** How often a person is asked by a new message, and can still be told the end. */
export const mostAsked = ({ invites }: ChannelTraits): number => MESSAGES_PER_TASK - ALWAYS_TOLD - (invites ? 1 : 0)

const LATER = plain('Should it ask again, /status shows the question.')

/** In place of the question: the buttons are gone, who decided is there. */
function decision({ task }: Told, { data }: TaskEvent): Draft {
  const [mark, word] = data['decision'] === 'approve' ? ['✅', 'Approved'] : ['⛔', 'Rejected']
  return {
    text: plain(
      `${mark} ${printable(task.title)}: ${printable(String(data['name']))}\n${word} by ${String(data['by'])}.`,
    ),
    buttons: [],
  }
}
