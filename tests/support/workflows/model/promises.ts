import { MAX_VERIFICATIONS, POISON_FAILURES, POISON_LOSSES } from '../../../../domain/limits.ts'
import { canMove, isFinal } from '../../../../domain/task.ts'
import { COST_OF_A_CALL, type Entry } from '../fake-task.ts'
import type { Played } from './play-life.ts'

/** What holds for every life, whatever happens in it. */
export interface Promised {
  readonly name: string
  /** Where it is broken. */
  readonly broken: (played: Played) => readonly string[]
}

const names = ({ record }: Played, what: Entry['what']): readonly string[] =>
  record.journal.filter((entry) => entry.what === what).map(({ name }) => name)

const twice = (values: readonly string[]): readonly string[] =>
  values.filter((value, index) => values.indexOf(value) !== index)

const struck = (played: Played, fault: string): boolean =>
  names(played, 'struck').some((name) => name.startsWith(fault))

/** Whether so many builders were gone at one step, or failed, that the task may be set aside. */
function mayBePoison(played: Played): boolean {
  const failures = played.record.events.filter((event) => event.startsWith('builder-lost')).length
  const gone = names(played, 'struck').flatMap((name) => /^(?:killed|zombie|frozen) at (.*)/.exec(name)?.[1] ?? [])
  return (
    failures >= POISON_FAILURES || gone.some((step) => gone.filter((other) => other === step).length >= POISON_LOSSES)
  )
}

const saidInTime = ({ said }: Played, type: string): boolean =>
  said.some(({ message, accepted, inTime }) => message.type === type && accepted && inTime)

const said = ({ said: all }: Played, type: string): boolean => all.some(({ message }) => message.type === type)

export const PROMISES: readonly Promised[] = [
  {
    name: 'the task ends once, and says so last',
    broken({ record, outcome }) {
      if (!outcome) return ['it hangs']
      const end = record.events.at(-1) ?? ''
      return [
        ...(record.ends === 1 ? [] : [`${record.ends} ends`]),
        ...(end.startsWith('task-ended') ? [] : [`the last event is "${end}"`]),
        ...(record.events.filter((event) => event.startsWith('task-ended')).length === 1
          ? []
          : ['task-ended not once']),
        ...(outcome.state === record.state ? [] : [`the Manager says ${outcome.state}, the store ${record.state}`]),
      ]
    },
  },
  {
    name: 'states follow each other as they may',
    broken: ({ record: { states } }) =>
      states.slice(1).flatMap((to, index) => {
        const from = states[index]
        return from && canMove(from, to) ? [] : [`${from} → ${to}`]
      }),
  },
  {
    name: 'seat numbers only grow',
    broken({ record }) {
      const seats = record.events
        .flatMap((event) => /^builder-assigned .* seat (\d+)/.exec(event)?.[1] ?? [])
        .map(Number)
      return seats.flatMap((seat, index) => (seat > (seats[index - 1] ?? 0) ? [] : [seats.join(', ')]))
    },
  },
  {
    name: 'an old seat changes nothing any more',
    broken({ record }) {
      let current = 0
      return record.journal.flatMap(({ what, name, seat = 0 }) => {
        if (what === 'event') current = Number(/^builder-assigned .* seat (\d+)/.exec(name)?.[1] ?? current)
        return (what === 'finished' || what === 'effect') && seat > 0 && seat !== current
          ? [`${name} by seat ${seat}, while ${current} was valid`]
          : []
      })
    },
  },
  {
    name: 'no call of the model is paid twice, and the cost is their sum',
    broken(played) {
      const paid = names(played, 'paid')
      const { outcome, record } = played
      // What was under way at the end is paid, and too late for the Manager's result.
      const end = record.journal.findIndex(({ what, name }) => what === 'event' && name.startsWith('task-ended'))
      const inTime = record.journal.filter(({ what }, index) => what === 'paid' && index < end)
      const cost = Math.round(inTime.length * COST_OF_A_CALL * 100) / 100
      return [
        ...twice(paid).map((name) => `${name} was paid twice`),
        ...(outcome && outcome.costUsd !== cost ? [`it cost ${outcome.costUsd}, not ${cost}`] : []),
      ]
    },
  },
  {
    name: 'no step has its effect twice',
    broken: (played) => twice(names(played, 'effect')),
  },
  {
    name: 'a finished step is asked for again only where its answer may not have arrived',
    broken({ record: { journal } }) {
      return journal.flatMap(({ what, name, seat = 0 }, index) => {
        if (what !== 'began' || !/^(tool|verification|deliver)/.test(name)) return []
        const before = journal.slice(0, index)
        const finished = before.findLast((entry) => entry.what === 'finished' && entry.name === name)
        const lostAnswer = before.some((entry) => entry.what === 'struck' && entry.name === `answer-lost at ${name}`)
        const later = before.slice(before.indexOf(finished as Entry) + 1)
        const wentOn = later.some((entry) => entry.what === 'began' && /^(turn|tool|verif|deliver)/.test(entry.name))
        return finished && (finished.seat === seat ? !lostAnswer : wentOn && !lostAnswer)
          ? [`${name} on seat ${seat}`]
          : []
      })
    },
  },
  {
    name: 'at most one commit is delivered, and only one whose verification did not fail',
    broken: ({ record: { pushed, verdicts } }) => [
      ...(pushed.length > 1 ? [`pushed: ${pushed.join(', ')}`] : []),
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
      const { record } = played
      const heard = names(played, 'heard')
      const read = Object.values(record.read).flat()
      const accepted = played.said.flatMap(({ message, accepted: was }) =>
        was && message.type === 'say' ? [message.text] : [],
      )
      return [
        ...twice(heard).map((text) => `"${text}" was taken twice`),
        ...twice(read).map((text) => `"${text}" was read twice`),
        ...accepted.filter((text) => !heard.includes(text)).map((text) => `"${text}" was not taken`),
        ...(record.pushed.length > 0 ? record.unread.map((text) => `"${text}" was never read`) : []),
      ]
    },
  },
  {
    name: 'an approval is decided once, and what was accepted is the decision',
    broken({ record, said: all }) {
      const accepted = all.filter(
        ({ message, accepted: was }) => was && (message.type === 'approve' || message.type === 'reject'),
      )
      const ids = accepted.map(({ message }) => ('approvalId' in message ? message.approvalId : ''))
      const decisions = record.events.filter((event) => event.startsWith('approval-decided'))
      const asked = record.states.filter((state) => state === 'awaiting_approval')
      return [
        ...twice(ids).map((id) => `${id} was decided twice`),
        ...(decisions.length > asked.length ? [`${decisions.length} decisions, ${asked.length} questions`] : []),
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
      const { record, life } = played
      const verdicts = life.script.verdicts ?? []
      const rejected = verdicts.length === MAX_VERIFICATIONS && verdicts.every((verdict) => verdict === 'failed')
      const mayFail = rejected || struck(played, 'throws-final') || mayBePoison(played)
      const { state } = record
      if (state === 'completed' || !isFinal(state)) return []
      if (state === 'failed' && mayFail) return []
      if (state === 'cancelled' && said(played, 'cancel')) return []
      if (state === 'expired' && life.deadlineInMs !== undefined) return []
      return [`it is ${state}: ${played.outcome?.error}`]
    },
  },
]

/** Every promise a life broke, and where. */
export const brokenIn = (played: Played): readonly string[] =>
  PROMISES.flatMap(({ name, broken }) => broken(played).map((where) => `${name}: ${where}`))

/** All a person needs to understand a life that broke a promise. */
export function storyOf(played: Played): string {
  const { life, record, said: all } = played
  const { seed, script, ...rest } = life
  const journal = record.journal.map(({ what, name, seat }) => `${what.padEnd(9)}${seat ? `@${seat}` : '  '} ${name}`)
  const answers = all.map(
    ({ message, accepted, inTime, refusal }) =>
      `${JSON.stringify(message)} ${accepted ? 'accepted' : `refused (${refusal})`}${inTime ? ', in time' : ''}`,
  )
  return [
    ...[`seed ${seed}`, ...brokenIn(played), '', JSON.stringify({ script, ...rest }, undefined, 1), ''],
    ...[...journal, '', ...answers, `outcome ${JSON.stringify(played.outcome)}`],
  ].join('\n')
}
