import { MAX_VERIFICATIONS, POISON_FAILURES, POISON_LOSSES } from '../../../../domain/limits.ts'
import { canMove, isFinal } from '../../../../domain/task.ts'
import { COST_OF_A_CALL, type Entry, type FakeTask } from '../fake-task.ts'
import type { Played } from './play-life.ts'

/** What holds for every life, whatever happens in it. */
export interface Promised {
  readonly name: string
  /** Where it is broken. */
  readonly broken: (played: Played) => readonly string[]
}

const familyOf = ({ record, parts }: Played): readonly FakeTask[] => [record, ...parts]

/** What holds for a whole and for each of its parts. */
const inEach =
  (broken: (record: FakeTask) => readonly string[]) =>
  (played: Played): readonly string[] =>
    familyOf(played).flatMap((record) =>
      broken(record).map((where) => (record.part > 0 ? `part ${record.part}: ${where}` : where)),
    )

const names = ({ journal }: FakeTask, what: Entry['what']): readonly string[] =>
  journal.filter((entry) => entry.what === what).map(({ name }) => name)

const twice = (values: readonly string[]): readonly string[] =>
  values.filter((value, index) => values.indexOf(value) !== index)

const struck = (record: FakeTask, fault: string): boolean =>
  names(record, 'struck').some((name) => name.startsWith(fault))

/** Whether so many builders were gone at one step, or failed, that the task may be set aside. */
function mayBePoison(record: FakeTask): boolean {
  const failures = record.events.filter((event) => event.startsWith('builder-lost')).length
  const gone = names(record, 'struck').flatMap((name) => /^(?:killed|zombie|frozen) at (.*)/.exec(name)?.[1] ?? [])
  return (
    failures >= POISON_FAILURES || gone.some((step) => gone.filter((other) => other === step).length >= POISON_LOSSES)
  )
}

/** Whether something befell it that is a reason to fail. */
function mayHaveFailed(record: FakeTask): boolean {
  const verdicts = record.script.verdicts ?? []
  const rejected = verdicts.length === MAX_VERIFICATIONS && verdicts.every((verdict) => verdict === 'failed')
  const { subtasks } = record
  const nothingDone = subtasks.length > 0 && subtasks.every(({ state }) => state !== 'completed')
  return rejected || nothingDone || struck(record, 'throws-final') || mayBePoison(record)
}

const ANSWERS: Readonly<Record<string, readonly string[]>> = {
  ...{ input: ['say'], approval: ['approve', 'reject'], budget: ['raiseBudget'] },
}

/** Whether people said something that ends such a wait, also one they have not been shown. */
const mayBeMet = (played: Played, kind: string): boolean =>
  played.said.some(({ message, accepted }) => accepted && (ANSWERS[kind] ?? []).includes(message.type))

const saidInTime = ({ said }: Played, type: string): boolean =>
  said.some(({ message, accepted, inTime }) => message.type === type && accepted && inTime)

const said = ({ said: all }: Played, type: string): boolean => all.some(({ message }) => message.type === type)

export const PROMISES: readonly Promised[] = [
  {
    name: 'the task ends once, and says so last',
    broken(played) {
      const { record, outcome } = played
      if (!outcome) return ['it hangs']
      return [
        ...familyOf(played).flatMap(endsOf),
        ...(outcome.state === record.state ? [] : [`the Manager says ${outcome.state}, the store ${record.state}`]),
      ]
    },
  },
  {
    name: 'states follow each other as they may',
    broken: inEach(({ states }) =>
      states.slice(1).flatMap((to, index) => {
        const from = states[index]
        return from && canMove(from, to) ? [] : [`${from} → ${to}`]
      }),
    ),
  },
  {
    name: 'seat numbers only grow',
    broken: inEach((record) => {
      const seats = record.events
        .flatMap((event) => /^builder-assigned .* seat (\d+)/.exec(event)?.[1] ?? [])
        .map(Number)
      return seats.flatMap((seat, index) => (seat > (seats[index - 1] ?? 0) ? [] : [seats.join(', ')]))
    }),
  },
  {
    name: 'an old seat changes nothing any more',
    broken: inEach((record) => {
      let current = 0
      return record.journal.flatMap(({ what, name, seat = 0 }) => {
        if (what === 'event') current = Number(/^builder-assigned .* seat (\d+)/.exec(name)?.[1] ?? current)
        return (what === 'finished' || what === 'effect') && seat > 0 && seat !== current
          ? [`${name} by seat ${seat}, while ${current} was valid`]
          : []
      })
    }),
  },
  {
    name: 'no call of the model is paid twice, and the cost is their sum',
    broken(played) {
      const { outcome, record, parts } = played
      const paid = parts.flatMap((part) => names(part, 'paid'))
      // What was under way at the end is paid, and too late for the Manager's result.
      const end = record.journal.findIndex(({ what, name }) => what === 'event' && name.startsWith('task-ended'))
      const inTime = record.journal.filter(({ what }, index) => what === 'paid' && index < end)
      // Parts spend the budget of the whole.
      const cost = Math.round((inTime.length + paid.length) * COST_OF_A_CALL * 100) / 100
      return [
        ...familyOf(played).flatMap((member) => twice(names(member, 'paid')).map((name) => `${name} was paid twice`)),
        ...(outcome && outcome.costUsd !== cost ? [`it cost ${outcome.costUsd}, not ${cost}`] : []),
      ]
    },
  },
  {
    name: 'no step has its effect twice',
    broken: inEach((record) => twice(names(record, 'effect'))),
  },
  {
    name: 'a finished step is asked for again only where its answer may not have arrived',
    broken: inEach(({ journal }) =>
      journal.flatMap(({ what, name, seat = 0 }, index) => {
        if (what !== 'began' || !/^(tool|merge|verification|deliver)/.test(name)) return []
        const before = journal.slice(0, index)
        const finished = before.findLast((entry) => entry.what === 'finished' && entry.name === name)
        const lostAnswer = before.some((entry) => entry.what === 'struck' && entry.name === `answer-lost at ${name}`)
        const later = before.slice(before.indexOf(finished as Entry) + 1)
        const wentOn = later.some((entry) => entry.what === 'began' && /^(turn|tool|verif|deliver)/.test(entry.name))
        return finished && (finished.seat === seat ? !lostAnswer : wentOn && !lostAnswer)
          ? [`${name} on seat ${seat}`]
          : []
      }),
    ),
  },
  {
    name: 'at most one commit is delivered, and only one whose verification did not fail',
    broken: ({ record: { pushed, verdicts }, parts }) => [
      ...(pushed.length > 1 ? [`pushed: ${pushed.join(', ')}`] : []),
      ...parts.filter((part) => part.pushed.length > 0).map(({ part }) => `part ${part} pushed by itself`),
      ...pushed.filter((commit) => !['passed', 'not_run'].includes(verdicts.get(commit) ?? '')),
    ],
  },
  {
    name: 'a cancel in time is kept: the task ends cancelled, and nothing is delivered',
    broken(played) {
      if (!saidInTime(played, 'cancel')) return []
      const { state, pushed } = played.record
      return [
        ...(state === 'cancelled' || (state === 'expired' && played.life.deadlineInMs !== undefined)
          ? []
          : [`it is ${state}`]),
        ...pushed.map((commit) => `${commit} was delivered`),
      ]
    },
  },
  {
    name: 'what people said is taken once, and read once before anything is delivered',
    broken(played) {
      const family = familyOf(played)
      const heard = family.flatMap((member) => names(member, 'heard'))
      const read = family.flatMap((member) => Object.values(member.read).flat())
      const accepted = played.said.flatMap(({ message, accepted: was }) =>
        was && message.type === 'say' ? [message.text] : [],
      )
      const delivered = family.filter(({ state }) => played.record.pushed.length > 0 && state === 'completed')
      const lost = family.flatMap(({ unread }) => unread).filter((text) => !read.includes(text))
      return [
        ...family.flatMap((member) => twice(names(member, 'heard')).map((text) => `"${text}" was taken twice`)),
        ...family.flatMap(({ read }) => twice(Object.values(read).flat()).map((text) => `"${text}" was read twice`)),
        ...accepted.filter((text) => !heard.includes(text)).map((text) => `"${text}" was not taken`),
        ...delivered.flatMap(({ unread }) => unread).map((text) => `"${text}" was never read`),
        ...(delivered.length > 0 ? lost.map((text) => `"${text}" ended with a part`) : []),
      ]
    },
  },
  {
    name: 'an approval is decided once, and what was accepted is the decision',
    broken(played) {
      const { said: all, record } = played
      const accepted = all.filter(
        ({ message, accepted: was }) => was && (message.type === 'approve' || message.type === 'reject'),
      )
      const ids = accepted.map(({ message }) => ('approvalId' in message ? message.approvalId : ''))
      const family = familyOf(played)
      const decisions = family.flatMap(({ events }) => events.filter((event) => event.startsWith('approval-decided')))
      const waits = family.flatMap(({ states }) => states.filter((state) => state === 'awaiting_approval'))
      const asked = waits.length - names(record, 'shown').filter((name) => name.startsWith('approval')).length
      return [
        ...twice(ids).map((id) => `${id} was decided twice`),
        ...(decisions.length > asked ? [`${decisions.length} decisions, ${asked} questions`] : []),
        ...(ids.length > decisions.length ? [`${ids.length} accepted, ${decisions.length} kept`] : []),
      ]
    },
  },
  {
    name: 'seats are given back and no Builder run is left',
    broken: ({ openRuns, holdsSeat }) => [...openRuns, ...(holdsSeat ? ['a builder still lends a seat'] : [])],
  },
  {
    name: 'a task that nothing stops is completed',
    broken(played) {
      const hasDeadline = played.life.deadlineInMs !== undefined
      return inEach((record) => {
        const { state } = record
        if (state === 'completed' || !isFinal(state)) return []
        if (state === 'failed' && mayHaveFailed(record)) return []
        if (state === 'cancelled' && (said(played, 'cancel') || (record.parent && hasDeadline))) return []
        if (state === 'expired' && hasDeadline) return []
        return [`it is ${state}: ${record.error?.message}`]
      })(played)
    },
  },
  {
    name: 'a task is divided once, and its Manager runs every part',
    broken: ({ record, parts, runs }) => [
      ...parts.filter((part) => !record.subtasks.includes(part)).map(({ id }) => `${id} was made and forgotten`),
      ...parts
        .filter(({ id }) => record.state === 'completed' && !runs.includes(id))
        .map(({ id }) => `${id} has no Manager`),
    ],
  },
  {
    name: 'no part outlives its whole',
    broken: ({ outlived }) => outlived,
  },
  {
    name: 'what the parts were told is known to the Builder of the whole, once it has to work',
    broken({ record, parts }) {
      const { '1': first, ...later } = record.read
      if (!first) return []
      const read = [first, ...Object.values(later)].flat()
      const told = parts.flatMap((part) => names(part, 'heard'))
      return told.filter((text) => !read.some((known) => known.endsWith(text))).map((text) => `"${text}" is not`)
    },
  },
  {
    name: 'a part is listed below its whole, never as a task of its own',
    broken: ({ listed }) => listed,
  },
  {
    name: 'what a part waits for is shown at its whole, unless it is over before',
    broken(played) {
      const { record, parts, life } = played
      const shown = names(record, 'shown')
      const endedEarly = said(played, 'cancel') || life.deadlineInMs !== undefined
      const waits = parts.flatMap(({ part, states, events }) =>
        states.flatMap((state) => {
          const kind = /^awaiting_(.*)/.exec(state)?.[1]
          // While another part's wait was shown, its month went by.
          const hasExpired = kind === 'approval' && events.some((event) => event.endsWith('by expiry'))
          return kind === undefined || hasExpired ? [] : [{ kind, name: `${kind} of part ${part}` }]
        }),
      )
      return waits
        .filter(({ kind, name }) => !shown.includes(name) && !endedEarly && !mayBeMet(played, kind))
        .map(({ name }) => `${name} was not shown`)
    },
  },
]

function endsOf({ part, events, ends }: FakeTask): readonly string[] {
  const end = events.at(-1) ?? ''
  const of = part > 0 ? ` of part ${part}` : ''
  return [
    ...(ends === 1 ? [] : [`${ends} ends${of}`]),
    ...(end.startsWith('task-ended') ? [] : [`the last event${of} is "${end}"`]),
    ...(events.filter((event) => event.startsWith('task-ended')).length === 1 ? [] : [`task-ended${of} not once`]),
  ]
}

/** Every promise a life broke, and where. */
export const brokenIn = (played: Played): readonly string[] =>
  PROMISES.flatMap(({ name, broken }) => broken(played).map((where) => `${name}: ${where}`))

/** All a person needs to understand a life that broke a promise. */
export function storyOf(played: Played): string {
  const { life, said: all } = played
  const { seed, script, ...rest } = life
  const journals = familyOf(played).flatMap(({ id, part, journal }) => [
    part > 0 ? `part ${part}, ${id}` : id,
    ...journal.map(({ what, name, seat }) => `${what.padEnd(9)}${seat ? `@${seat}` : '  '} ${name}`),
  ])
  const answers = all.map(
    ({ message, accepted, inTime, refusal }) =>
      `${JSON.stringify(message)} ${accepted ? 'accepted' : `refused (${refusal})`}${inTime ? ', in time' : ''}`,
  )
  return [
    ...[`seed ${seed}`, ...brokenIn(played), '', JSON.stringify({ script, ...rest }, undefined, 1), ''],
    ...[...journals, '', ...answers, `outcome ${JSON.stringify(played.outcome)}`, ...(played.histories ?? [])],
  ].join('\n')
}
