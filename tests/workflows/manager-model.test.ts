import { Worker } from '@temporalio/worker'
import { describe, expect, it } from 'vitest'
import { FakeTask } from '../support/workflows/fake-task.ts'
import { drawLife } from '../support/workflows/model/draw-life.ts'
import type { Life } from '../support/workflows/model/life.ts'
import { playLife, type Played } from '../support/workflows/model/play-life.ts'
import { brokenIn, PROMISES, storyOf } from '../support/workflows/model/promises.ts'
import { useWorld } from '../support/workflows/use-world.ts'
import type { TaskScript } from '../support/workflows/task-script.ts'

/**
 * Lives of tasks drawn by seed: what the model does, what people say and when, what breaks. Real workflows on a real
 * server; only their waits are shorter, a month a second and a half, so that an approval nobody gives expires. Temporal's
 * time-skipping server is not used: it leaves a Manager standing for ever that cancels a step which has just ended, and
 * skips nothing once a workflow has ended before its activity.
 */
const FIRST = Number(process.env['MANAGER_MODEL_FIRST'] ?? 1)
const SEEDS = Number(process.env['MANAGER_MODEL_SEEDS'] ?? 20)
/** More than two cores serve at once: some lives wait. */
const AT_ONCE = 24
/** After so many lives the Manager's worker is replaced, and all that live are replayed by the next one. */
const RESTART_EVERY = 50
const REPLAY_EVERY = 4

const world = useWorld({ seats: [80, 80], hurried: true })

async function playAll(seeds: readonly number[]): Promise<readonly Played[]> {
  const waiting = [...seeds]
  const played: Played[] = []
  let restarting = Promise.resolve()
  const work = async () => {
    for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift()) {
      played.push(await playLife(world(), drawLife(seed)))
      if (played.length % RESTART_EVERY === 0)
        restarting = restarting.then(() => world().restartManager(() => Promise.resolve()))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  await restarting
  return played
}

describe('random lives', () => {
  let lives: readonly Played[] = []

  it(`number ${FIRST} to ${FIRST + SEEDS - 1} keep every promise`, { timeout: 60_000 + SEEDS * 2_000 }, async () => {
    lives = await playAll(Array.from({ length: SEEDS }, (_, index) => FIRST + index))
    const broken = lives.filter((life) => brokenIn(life).length > 0)
    expect(broken.slice(0, 3).map(storyOf).join('\n\n'), `${broken.length} of ${SEEDS} lives`).toBe('')
  })

  it('have no other end than the four, every one of them when they are many, and most the good one', () => {
    const states = lives.map(({ record }) => record.state)
    const ends = ['completed', 'failed', 'cancelled', 'expired']
    if (SEEDS >= 100) expect(new Set(states)).toEqual(new Set(ends))
    else expect(ends).toEqual(expect.arrayContaining([...new Set(states)]))
    expect(states.filter((state) => state === 'completed').length).toBeGreaterThan(SEEDS / 2)
  })

  it('outlive the month in which nobody decides an approval, when they are many', () => {
    const expired = lives.filter(({ record }) => record.events.some((event) => event.endsWith('by expiry')))
    expect(SEEDS < 100 || expired.length > 0).toBe(true)
  })

  it('left histories that are replayed as they were', { timeout: 60_000 + SEEDS * 100 }, async () => {
    const sample = lives.filter(({ outcome }, index) => outcome && index % REPLAY_EVERY === 0)
    const ids = sample.flatMap(({ record, runs }) => [record.id, ...runs])
    const histories = ids.map(async (workflowId) => ({
      workflowId,
      history: await world().client.workflow.getHandle(workflowId).fetchHistory(),
    }))
    const failed: string[] = []
    for await (const { workflowId, error } of Worker.runReplayHistories(
      { workflowBundle: world().bundle },
      await Promise.all(histories),
    ))
      if (error) failed.push(`${workflowId}: ${error.message}`)
    expect(failed).toEqual([])
    expect(ids.length).toBeGreaterThan(sample.length)
  })
})

const uneventful: Life = {
  ...{ seed: 0, script: { turns: [['replace'], ['write_file']] }, sayings: [], faults: [], databaseFaults: [] },
  reactions: [{ when: 'soon', refuses: false, twice: false }],
}
const isBroken = (played: Played, promise: string): boolean =>
  PROMISES.some(({ name, broken }) => name === promise && broken(played).length > 0)

/** Two parts, one of which asks something. */
const parts: TaskScript['parts'] = [{ turns: [['replace']] }, { turns: [[{ name: 'ask_user', kind: 'human' }]] }]

/** A store, a model or a remote that lacks one protection, and a life in which it would have been needed. */
const UNPROTECTED: readonly (readonly [string, typeof FakeTask, Partial<Life>, string])[] = [
  [
    'a store without the fence',
    class extends FakeTask {
      override assertSeat(): void {}
    },
    { faults: [{ at: 'tool 1.0', fault: 'zombie', times: 1 }] },
    'an old seat changes nothing any more',
  ],
  [
    'a store that takes a repeated message for a new one',
    class extends FakeTask {
      override once<T>(_key: string, take: () => T): T {
        return take()
      }
    },
    {
      sayings: [{ at: 'turn 1', messages: [{ type: 'say', text: 'Hurry.' }], awaited: true }],
      databaseFaults: [{ at: 'receiveMessage', fault: 'commit-unanswered', times: 1 }],
    },
    'what people said is taken once, and read once before anything is delivered',
  ],
  [
    'an understanding that is not kept',
    class extends FakeTask {
      override understand(...[round, ask]: Parameters<FakeTask['understand']>) {
        this.log('paid', `understand ${round}`)
        return ask()
      }
    },
    { databaseFaults: [{ at: 'understandTask', fault: 'commit-unanswered', times: 1 }] },
    'no call of the model is paid twice, and the cost is their sum',
  ],
  [
    'a push that does not look whether it went through before',
    class extends FakeTask {
      override push(commit: string): void {
        this.pushed.push(commit)
      }
    },
    { faults: [{ at: 'deliver', fault: 'answer-lost', times: 1 }] },
    'at most one commit is delivered, and only one whose verification did not fail',
  ],
  [
    'a verifier that only says so',
    class extends FakeTask {
      override verify(attempt: number) {
        return { verdict: 'passed' as const, commit: `c${attempt}`, log: '' }
      }
    },
    {},
    'at most one commit is delivered, and only one whose verification did not fail',
  ],
  [
    'a store that makes parts anew when the answer was lost',
    class extends FakeTask {
      override divide(make: () => readonly FakeTask[]) {
        this.subtasks = make()
        return this.subtasks
      }
    },
    { script: { parts }, databaseFaults: [{ at: 'openSubtasks', fault: 'commit-unanswered', times: 1 }] },
    'a task is divided once, and its Manager runs every part',
  ],
  [
    'a store that keeps nothing of what the parts were told',
    class extends FakeTask {
      override keep(): void {}
    },
    {
      script: { parts: [{}, { turns: [['replace'], []] }] },
      sayings: [{ at: 'part 2: tool 1.0', messages: [{ type: 'say', text: 'Hurry.' }], awaited: true }],
      faults: [{ at: 'part 2: turn 2', fault: 'throws-final', times: 1 }],
      databaseFaults: [{ at: 'keepMessage', fault: 'commit-unanswered', times: 1 }],
    },
    'what the parts were told is known to the Builder of the whole, once it has to work',
  ],
  [
    'a store that does not add what a part costs',
    class extends FakeTask {
      override spend(): void {
        if (!this.parent) super.spend()
      }
    },
    { script: { parts } },
    'no call of the model is paid twice, and the cost is their sum',
  ],
]

describe.concurrent('a promise is seen broken', () => {
  it.for(UNPROTECTED)('with %s', async ([, Unprotected, trouble, promise]) => {
    const life = { ...uneventful, ...trouble }
    expect(brokenIn(await playLife(world(), life))).toEqual([])
    expect(isBroken(await playLife(world(), life, Unprotected), promise)).toBe(true)
  })
})

/** What could have been recorded, had the Manager gone wrong. */
const TAMPERED: Readonly<Record<string, (played: Played) => Played | void>> = {
  'the task ends once, and says so last': ({ record }) => void record.events.push('builder-lost b1: late'),
  'states follow each other as they may': ({ record }) => void record.states.splice(2, 1),
  'seat numbers only grow': ({ record }) => void record.events.unshift('builder-assigned b1 seat 1 attempt 1'),
  'an old seat changes nothing any more': ({ record }) => record.log('effect', 'tool 1.0', 7),
  'no call of the model is paid twice, and the cost is their sum': ({ record }) => record.log('paid', 'turn 1'),
  'no step has its effect twice': ({ record }) => record.log('effect', 'tool 1.0', 1),
  'a finished step is asked for again only where its answer may not have arrived': ({ record }) =>
    record.log('began', 'tool 1.0', 1),
  'at most one commit is delivered, and only one whose verification did not fail': ({ record }) =>
    void record.verdicts.set('c1', 'failed'),
  'a cancel in time is kept: the task ends cancelled, and nothing is delivered': (played) => ({
    ...played,
    said: [{ message: { type: 'cancel' }, accepted: true, inTime: true }],
  }),
  'what people said is taken once, and read once before anything is delivered': (played) => ({
    ...played,
    said: [{ message: { type: 'say', text: 'Hurry.' }, accepted: true, inTime: true }],
  }),
  'an approval is decided once, and what was accepted is the decision': (played) => ({
    ...played,
    said: [{ message: { type: 'approve', approvalId: 'approval-1.0' }, accepted: true, inTime: true }],
  }),
  'seats are given back and no Builder run is left': (played) => ({ ...played, holdsSeat: true }),
  'a task that nothing stops is completed': ({ record }) => void (record.brief = { ...record.brief, state: 'failed' }),
}

/** The same of a task in parts. */
const TAMPERED_IN_PARTS: typeof TAMPERED = {
  'a task is divided once, and its Manager runs every part': (played) => ({
    ...played,
    parts: [...played.parts, new FakeTask('task-forgotten', {}, played.record)],
  }),
  'no part outlives its whole': (played) => ({ ...played, outlived: played.parts.map(({ id }) => id) }),
  'what the parts were told is known to the Builder of the whole, once it has to work': ({ record, parts: told }) => {
    Object.assign(record.read, { 1: [] })
    told[0]?.log('heard', 'Hurry.')
  },
  'a part is listed below its whole, never as a task of its own': (played) => ({
    ...played,
    listed: played.parts.map(({ id }) => id),
  }),
  'what a part waits for is shown at its whole, unless it is over before': (played) => {
    const { journal } = played.record
    journal.splice(
      journal.findIndex(({ what }) => what === 'shown'),
      1,
    )
    return { ...played, said: [] }
  },
}

describe.concurrent('a record that was tampered with', () => {
  it.for(PROMISES)('breaks "$name"', async ({ name, broken }) => {
    const ofParts = TAMPERED_IN_PARTS[name]
    const played = await playLife(world(), ofParts ? { ...uneventful, script: { parts } } : uneventful)
    expect(brokenIn(played)).toEqual([])
    const tamper = ofParts ?? TAMPERED[name]
    expect(broken(tamper?.(played) ?? played)).not.toEqual([])
  })
})
