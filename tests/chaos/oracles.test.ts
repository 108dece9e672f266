import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { EndedTask, Observations } from '../../chaos/observations.ts'
import { ORACLES } from '../../chaos/oracles/index.ts'
import type { LedgerEntry } from '../../simulators/gemini/ledger.ts'

/** What `npm run chaos -- --record` kept of a run in which every promise held. Each test breaks one. */
const RECORDED = new URL('recorded-run.json', import.meta.url)
const recorded = (): Observations => JSON.parse(readFileSync(RECORDED, 'utf8')) as Observations

const run = recorded()
const first = <T>(values: readonly T[], isWanted: (value: T) => boolean): T => {
  const found = values.find(isWanted)
  if (found === undefined) throw new Error('the recorded run has no such thing')
  return found
}
/** A task that was completed by its first builder. */
const done = first(
  run.ended,
  ({ state, events }) => state === 'completed' && events.every(({ type }) => type !== 'builder-lost'),
)
const keyOf = (id: string): string => first(run.acceptances, ({ taskId }) => taskId === id).key

/** The run with one task changed. */
const withTask = (change: (task: EndedTask) => Partial<EndedTask>): Observations => ({
  ...run,
  ended: run.ended.map((task) => (task.id === done.id ? { ...task, ...change(task) } : task)),
})
const withoutEvent = (type: string): Observations =>
  withTask(({ events }) => ({
    events: events
      .toSpliced(
        events.findIndex((event) => event.type === type),
        1,
      )
      .map((event, index) => ({ ...event, sequence: index + 1 })),
  }))

const paid = first(run.ledger, ({ status, fault }) => status === 200 && fault === undefined)
const LONG_BEFORE_MS = 3_600_000
/** The same answer, an hour before anything was broken. */
const early: LedgerEntry = { ...paid, at: new Date(Date.parse(paid.at) - LONG_BEFORE_MS).toISOString() }
const kill = first(run.strikes, ({ fault }) => fault === 'builder-kill')
/** A task that lost its builder to the kill. */
const struck = first(kill.tasks, () => true)
const changedByte = (text: string): string => text.replace('passed', 'Passed')

/** Nine minutes of a process, in which it grows evenly. */
const growing = (bytesAMinute: number) => ({
  process: 'builder b1',
  samples: Array.from({ length: 10 }, (_, minute) => [minute * 60_000, 2e8 + minute * bytesAMinute] as const),
})

/** What each oracle must not let pass. */
const BROKEN: Readonly<Record<string, Readonly<Record<string, () => Observations>>>> = {
  'nothing-lost': {
    'a task that is gone': () => ({ ...run, ended: run.ended.filter(({ id }) => id !== done.id) }),
    'a task that never ends': () => withTask(() => ({ state: 'building' })),
    'a task that failed': () => withTask(() => ({ state: 'failed', errorCode: 'internal' })),
    'a task set aside as poison that no strike explains': () =>
      withTask(() => ({ state: 'failed', errorCode: 'poison_task' })),
    'a task that nobody cancelled': () => ({ ...withTask(() => ({ state: 'cancelled' })), cancelled: [] }),
    'a task that was never accepted': () => ({
      ...run,
      acceptances: run.acceptances.filter(({ taskId }) => taskId !== done.id),
    }),
  },
  'one-task-per-key': {
    'a second task for a repeated request': () => ({
      ...run,
      acceptances: [...run.acceptances, { key: keyOf(done.id), taskId: 'another' }],
      known: [...run.known, 'another'],
    }),
    'a task nobody asked for': () => ({ ...run, known: [...run.known, 'another'] }),
    'a task that is listed twice': () => ({ ...run, known: [...run.known, done.id] }),
    'a request without an answer': () => ({ ...run, acceptances: run.acceptances.slice(1) }),
  },
  'one-update-per-branch': {
    'a second push': () => ({ ...run, updates: [...run.updates, first(run.updates, () => true)] }),
    'a delivery that was never pushed': () => ({
      ...run,
      updates: run.updates.filter(({ key }) => key !== keyOf(done.id)),
    }),
    'a push of another commit': () => ({
      ...run,
      updates: run.updates.map((update) => ({ ...update, commit: '0'.repeat(40) })),
    }),
    'a push to another branch': () => ({
      ...run,
      updates: run.updates.map((update) => ({ ...update, ref: 'refs/heads/main' })),
    }),
    'a push for a cancelled task': () => withTask(() => ({ state: 'cancelled' })),
  },
  'no-turn-paid-twice': {
    'an answer from before any fault that is paid again': () => ({ ...run, ledger: [early, ...run.ledger] }),
    'a fault that hit nothing as an excuse': () => ({
      ...run,
      ledger: [paid, ...run.ledger],
      strikes: run.strikes.map(({ victim: _, ...strike }) => strike),
    }),
  },
  'sound-events': {
    'a missing event': () => withTask(({ events }) => ({ events: events.toSpliced(3, 1) })),
    'no end': () => withoutEvent('task-ended'),
    'two ends': () =>
      withTask(({ events }) => {
        const last = events.at(-1)
        return { events: last ? [...events, { ...last, sequence: last.sequence + 1 }] : [] }
      }),
    'no beginning': () => withoutEvent('task-received'),
    'a call that never finished': () => withoutEvent('tool-finished'),
    'a seat that is lost twice': () => {
      const task = first(run.ended, ({ events }) => events.some(({ type }) => type === 'builder-lost'))
      const loss = task.events.findIndex(({ type }) => type === 'builder-lost')
      const events = task.events
        .toSpliced(loss, 0, ...task.events.slice(loss, loss + 1))
        .map((event, index) => ({ ...event, sequence: index + 1 }))
      return { ...run, ended: run.ended.map((other) => (other === task ? { ...task, events } : other)) }
    },
    'a result of no call': () => withoutEvent('tool-called'),
  },
  'receipts-verify': {
    'a changed byte': () => withTask(({ receipt = '' }) => ({ receipt: changedByte(receipt) })),
    'no receipt': () => ({ ...run, ended: run.ended.map(({ receipt: _, ...task }) => task) }),
    'a receipt for another commit': () => withTask(() => ({ commit: '0'.repeat(40) })),
    'a key nobody published': () => ({ ...run, receiptKeys: [] }),
  },
  'patches-apply': {
    'a patch that does not apply': () => ({
      ...run,
      ended: run.ended.map(({ patchedTree: _, ...task }) => task),
    }),
    'a patch that is not the delivery': () => withTask(() => ({ patchedTree: '0'.repeat(40) })),
  },
  'protocol-kept': {
    'a refused request': () => ({ ...run, ledger: [...run.ledger, { ...paid, status: 400, refusal: 'signature' }] }),
  },
  'keys-revoked': {
    'a revoked key that still opens': () => ({ ...run, revokedKeys: [401, 200] }),
  },
  'secrets-kept': {
    'a key in a log': () => ({ ...run, leaks: ['the admin key in gateway.log'] }),
  },
  'histories-replay': {
    'a history that nobody can take up again': () => ({ ...run, unreplayable: [`${done.id}: nondeterminism`] }),
  },
  'nothing-left': {
    'a process that runs on': () => ({ ...run, leftProcesses: ['4711 node workers/builder.ts'] }),
    'an open workflow': () => ({ ...run, openWorkflows: 1 }),
    'a gateway that ended by itself': () => ({ ...run, unexpectedExits: ['code 1'] }),
    'an exit code': () => ({ ...run, exitCode: 1 }),
    'a gateway that had to be killed': () => ({ ...run, exitCode: null }),
  },
  'memory-level': {
    'a builder that grows by two megabytes a minute': () => ({ ...run, memory: [growing(2 * 2 ** 20)] }),
  },
  'recovers-in-time': {
    'a task that stood still for more than half a minute': () => ({
      ...run,
      strikes: [{ ...kill, startedAt: kill.startedAt - 31_000 }],
    }),
    'tasks that all stand still for ten seconds': () => ({
      ...run,
      strikes: [{ ...kill, startedAt: kill.startedAt - 10_000, tasks: Array.from({ length: 10 }, () => struck) }],
    }),
  },
  'worth-something': {
    'strikes that hit nothing': () => ({ ...run, strikes: run.strikes.map(({ victim: _, ...strike }) => strike) }),
    'no strikes': () => ({ ...run, strikes: [] }),
    'tasks that did not complete': () => ({ ...run, ended: [] }),
  },
}

it('the recorded run keeps every promise', () => {
  for (const oracle of ORACLES) expect([oracle.name, ...oracle.violations(run)]).toEqual([oracle.name])
})

it('every oracle has something it must not let pass', () => {
  expect(Object.keys(BROKEN)).toEqual(ORACLES.map(({ name }) => name))
})

describe.each(ORACLES)('$name', (oracle) => {
  it.each(Object.entries(BROKEN[oracle.name] ?? {}))('goes red for %s', (_, broken) => {
    expect(oracle.violations(broken())).not.toEqual([])
  })
})

it.each([
  { asked: 'a moment before a fault', fromKillMs: -1_000, isExcused: true },
  { asked: 'by a builder whose request arrives as it is killed', fromKillMs: 5, isExcused: true },
  { asked: 'when the fault is over', fromKillMs: 1_000, isExcused: false },
])('an answer asked for $asked may be paid again: $isExcused', ({ fromKillMs, isExcused }) => {
  const oracle = first(ORACLES, ({ name }) => name === 'no-turn-paid-twice')
  const at = new Date(kill.startedAt + fromKillMs).toISOString()
  const later = { ...paid, at: new Date(kill.startedAt + 2_000).toISOString() }
  const ledger = [...run.ledger.filter((entry) => entry !== paid), { ...paid, at }, later]
  const violations = oracle.violations({ ...run, ledger, strikes: [kill] })
  expect(violations.some((violation) => violation.includes(at))).toBe(!isExcused)
})

it('a process may grow a little, and more while it is young', () => {
  const oracle = first(ORACLES, ({ name }) => name === 'memory-level')
  const young = { ...growing(2 * 2 ** 20), samples: growing(2 * 2 ** 20).samples.slice(0, 7) }
  expect(oracle.violations({ ...run, memory: [growing(2 ** 19), young] })).toEqual([])
})

it('a recovery is not judged while something else is broken', () => {
  const oracle = first(ORACLES, ({ name }) => name === 'recovers-in-time')
  const late = { ...kill, startedAt: kill.startedAt - 31_000 }
  const other = first(run.strikes, ({ fault }) => fault === 'postgres-cut')
  const meanwhile = { ...other, startedAt: late.startedAt + 1_000, endedAt: late.startedAt + 2_000 }
  expect(oracle.violations({ ...run, strikes: [late] })).not.toEqual([])
  expect(oracle.violations({ ...run, strikes: [late, meanwhile] })).toEqual([])
})
