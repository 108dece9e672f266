import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLifecycleActivities } from '../../activities/gateway/lifecycle.ts'
import type { BuilderRuns } from '../../domain/ports/builder-runs.ts'
import { noMemory } from '../../domain/ports/memory.ts'
import { noWarehouse } from '../../domain/ports/warehouse.ts'
import { STORES, type OpenedStore } from '../support/stores.ts'
import { answeredTurn, call, eventTypes, partIn, partsFor, taskIn } from '../support/stored-task.ts'

let opened: OpenedStore
beforeAll(async () => {
  opened = (await STORES['PostgreSQL']?.()) as OpenedStore
})
afterAll(() => opened.close())

/** Builder runs that were ended, and why. */
const endedRuns: string[] = []
const runs: BuilderRuns = {
  end: ({ id, reason }) => Promise.resolve(void endedRuns.push(`${id}: ${reason}`)),
}

const lifecycle = (store = opened.store) =>
  createLifecycleActivities({
    ...{ store, runs, memory: noMemory, warehouse: noWarehouse, clock: () => new Date() },
    router: { route: () => ({ strategy: 'test', model: 'm', profile: 'engineering' }) },
    models: { main: 'm', fast: 'm' },
  })

const LOSS = { builder: 'b1', run: 'build-1', reason: 'its process exited', answered: false }

describe('a rejected delivery', () => {
  it('gives its log to the Builder once, also when the step is cut in the middle and repeated', async () => {
    const { taskId } = await taskIn(opened.store, 'verifying')
    const repair = { taskId, attempt: 1, outcome: { verdict: 'failed', commit: 'c', log: 'AssertionError' } } as const
    const { store } = opened
    const move: typeof store.tasks.move = () => Promise.reject(new Error('ECONNRESET'))
    const cut = lifecycle({ ...store, tasks: { ...store.tasks, move } })
    await expect(cut.requestRepair(repair)).rejects.toThrow('ECONNRESET')
    for (let times = 0; times < 2; times++) await lifecycle().requestRepair(repair)
    const told = (await store.conversations.transcript(taskId)).filter(({ type }) => type === 'message')
    expect([told.length, (await store.tasks.find(taskId))?.state]).toEqual([1, 'building'])
  })
})

describe('a wait that was stored by a Manager that died before its history held it', () => {
  const WAITS = ['awaiting_approval', 'awaiting_input', 'awaiting_budget', 'paused'] as const
  const stateOf = async (taskId: string) => {
    const task = await opened.store.tasks.find(taskId)
    return [task?.state, task?.waiting]
  }
  async function waiting(state: (typeof WAITS)[number]) {
    const fence = await taskIn(opened.store, 'building')
    const change = { waiting: { for: 'approval' as const, approvalId: 'approval-1' } }
    await opened.store.tasks.move({ taskId: fence.taskId, to: state, ...(state !== 'paused' && { change }) })
    return fence
  }

  it.each(WAITS)('(%s) is over when the next seat is assigned', async (state) => {
    const { taskId, seat } = await waiting(state)
    await lifecycle().assignBuilder({ taskId, seat: seat + 1, builder: 'b2', attempt: 2 })
    expect(await stateOf(taskId)).toEqual(['building', undefined])
  })

  it.each(WAITS)('(%s) is over when the work is handed to the verifier', async (state) => {
    const { taskId } = await waiting(state)
    expect(await lifecycle().beginVerification({ taskId })).toBe(true)
    expect(await stateOf(taskId)).toEqual(['verifying', undefined])
  })

  it('is over when another begins', async () => {
    const { taskId } = await waiting('paused')
    await lifecycle().awaitHuman({ taskId, wait: { for: 'input', question: 'Which?' } })
    expect(await stateOf(taskId)).toEqual(['awaiting_input', { for: 'input', question: 'Which?' }])
  })

  it('that was ended by such a Manager leaves the task where it is, also when the seat was lost meanwhile', async () => {
    const { taskId, seat } = await taskIn(opened.store, 'building')
    await lifecycle().resumeTask({ taskId, to: 'queued' })
    await lifecycle().queueTask({ taskId })
    await lifecycle().assignBuilder({ taskId, seat: seat + 1, builder: 'b2', attempt: 2 })
    expect(await stateOf(taskId)).toEqual(['building', undefined])
    expect(await eventTypes(opened.store, taskId)).toEqual(['task-received', 'builder-assigned'])
  })

  it('says whether others wait for a seat', async () => {
    const { taskId } = await taskIn(opened.store, 'building')
    const ask = () => lifecycle().awaitHuman({ taskId, wait: { for: 'input', question: 'Which?' } })
    expect(await ask()).toMatchObject({ othersQueue: false })
    await taskIn(opened.store, 'queued')
    expect(await ask()).toMatchObject({ othersQueue: true })
    expect(await lifecycle().pauseTask({ taskId })).toEqual({ othersQueue: true })
  })

  it('is over when another of its kind begins', async () => {
    const { taskId } = await waiting('awaiting_input')
    await lifecycle().awaitHuman({ taskId, wait: { for: 'input', question: 'Which?' } })
    expect(await stateOf(taskId)).toEqual(['awaiting_input', { for: 'input', question: 'Which?' }])
  })

  it('stays when it is the one that begins', async () => {
    const { taskId } = await taskIn(opened.store, 'understanding')
    const wait = { for: 'input', question: 'Which?' } as const
    const first = await lifecycle().awaitHuman({ taskId, wait })
    expect(await lifecycle().awaitHuman({ taskId, wait })).toEqual(first)
    expect((await eventTypes(opened.store, taskId)).filter((type) => type === 'input-requested')).toHaveLength(1)
  })
})

describe('a wait for an approval', () => {
  it('names the call by the same hash to who looks at the task and to who watches it', async () => {
    const at = await answeredTurn(opened.store, await taskIn(opened.store, 'building'), [call(0, { decision: 'ask' })])
    const wait = { for: 'approval', turn: at.turn, position: 0 } as const
    const { callHash } = await lifecycle().awaitHuman({ taskId: at.taskId, wait })
    expect(callHash).toMatch(/^[0-9a-f]{12}$/)
    expect((await opened.store.tasks.find(at.taskId))?.waiting).toMatchObject({ for: 'approval', callHash })
    const events = await opened.store.tasks.events({ taskId: at.taskId, after: 0, limit: 100 })
    expect(events.at(-1)).toMatchObject({ type: 'approval-requested', data: { callHash, args: { z: 1, a: 2 } } })
  })
})

describe('a lost builder', () => {
  it('is noted once for its seat, and a repetition gives what was noted first, also when the task has ended', async () => {
    const { taskId, seat } = await taskIn(opened.store, 'building')
    const first = await lifecycle().noteBuilderLost({ ...LOSS, taskId, seat })
    expect(first).toEqual({ step: 'building, turn 1, call 1', reason: LOSS.reason, builderGone: true })
    const error = { code: 'internal', message: 'It failed.', retryable: false } as const
    await lifecycle().endTask({ taskId, state: 'failed', error })
    expect(await lifecycle().noteBuilderLost({ ...LOSS, taskId, seat, reason: 'another', answered: true })).toEqual(
      first,
    )
    expect((await eventTypes(opened.store, taskId)).filter((type) => type === 'builder-lost')).toHaveLength(1)
  })

  it('has its Builder run ended, again when the step is repeated', async () => {
    const { taskId, seat } = await taskIn(opened.store, 'building')
    const run = `build-${taskId}-1`
    for (let times = 0; times < 2; times++) await lifecycle().noteBuilderLost({ ...LOSS, taskId, seat, run })
    const why = `${run}: ${LOSS.builder}: ${LOSS.reason}`
    expect(endedRuns.filter((ended) => ended.startsWith(run))).toEqual([why, why])
  })

  it('is not gone when it said itself that the step failed, or when it still reports', async () => {
    const { taskId, seat } = await taskIn(opened.store, 'building')
    const answered = await lifecycle().noteBuilderLost({ ...LOSS, taskId, seat, answered: true })
    await opened.store.builders.report({
      ...{ id: 'b-reports', pid: 1, host: 'h', state: 'busy', seats: 1, seatsUsed: 1, tasks: [], restarts: 0 },
      ...{ cpu: 0, rssBytes: 1, supervised: true },
    })
    const reports = await lifecycle().noteBuilderLost({ ...LOSS, taskId, seat: seat + 1, builder: 'b-reports' })
    expect([answered.builderGone, reports.builderGone]).toEqual([false, false])
  })
})

describe('what a part waits for', () => {
  const WAITS = [
    { for: 'budget' },
    { for: 'approval', approvalId: 'approval-1' },
    { for: 'approval', approvalId: 'approval-2' },
    { for: 'input', question: 'Which?' },
    { for: 'input', question: 'Where?' },
  ] as const

  it('is what the whole shows, also when the step is repeated after the part went on to its next wait', async () => {
    const { taskId } = await taskIn(opened.store, 'building')
    const [part] = await opened.store.tasks.divide({ taskId, subtasks: partsFor(1) })
    const subtaskId = part?.id ?? ''
    for (const to of ['understanding', 'queued'] as const) await opened.store.tasks.move({ taskId: subtaskId, to })
    for (const waiting of WAITS) {
      await opened.store.tasks.move({ taskId: subtaskId, to: 'building', change: { waiting: null } })
      await opened.store.tasks.move({ taskId: subtaskId, to: `awaiting_${waiting.for}`, change: { waiting } })
      const show = () => lifecycle().showSubtaskWait({ taskId, subtaskId, waiting })
      expect([await show(), await show()]).toEqual([waiting, waiting])
      const whole = await opened.store.tasks.find(taskId)
      expect([whole?.state, whole?.waiting]).toEqual([`awaiting_${waiting.for}`, waiting])
    }
    const asked = (await eventTypes(opened.store, taskId)).filter((type) => type.endsWith('-requested'))
    expect(asked).toHaveLength(WAITS.length)
  })

  it('is not shown before the whole has heard of it: an answer would go astray', async () => {
    const { taskId } = await taskIn(opened.store, 'building')
    const { taskId: subtaskId } = await partIn(opened.store, taskId, 'building')
    const [reported, waiting] = WAITS
    await opened.store.tasks.move({ taskId: subtaskId, to: 'awaiting_approval', change: { waiting } })
    expect(await lifecycle().showSubtaskWait({ taskId, subtaskId, waiting: reported })).toBeUndefined()
    expect((await opened.store.tasks.find(taskId))?.state).toBe('building')
  })
})

describe('the end of a task in parts', () => {
  async function divided() {
    const { taskId } = await taskIn(opened.store, 'queued')
    const parts = await opened.store.tasks.divide({ taskId, subtasks: partsFor(2) })
    return { taskId, parts: parts.map(({ id }) => id) }
  }
  const statesOf = async (taskId: string) => (await opened.store.tasks.subtasks(taskId)).map(({ state }) => state)

  it('is that of the parts no Manager ever ran: nobody starts or looks for them any more', async () => {
    const { taskId, parts } = await divided()
    await lifecycle().endTask({ taskId, state: 'cancelled' })
    expect(await statesOf(taskId)).toEqual(['cancelled', 'cancelled'])
    for (const id of parts) expect(await eventTypes(opened.store, id)).toEqual(['task-received', 'task-ended'])
    const { unstarted, quiet } = opened.store.tasks
    const left = [...(await unstarted({ olderThanMs: -1, limit: 10_000 }))]
    left.push(...(await quiet({ olderThanMs: -1, after: '', limit: 10_000 })))
    expect(left.filter((id) => parts.includes(id))).toEqual([])
  })

  it('is made up for when the step is cut after the whole has ended, and repeated', async () => {
    const { taskId } = await divided()
    const { store } = opened
    const subtasks: typeof store.tasks.subtasks = () => Promise.reject(new Error('ECONNRESET'))
    const cut = lifecycle({ ...store, tasks: { ...store.tasks, subtasks } })
    await expect(cut.endTask({ taskId, state: 'cancelled' })).rejects.toThrow('ECONNRESET')
    expect(await lifecycle().endTask({ taskId, state: 'cancelled' })).toMatchObject({ state: 'cancelled' })
    expect(await statesOf(taskId)).toEqual(['cancelled', 'cancelled'])
  })

  it('leaves parts that have ended as they are', async () => {
    const { taskId, parts } = await divided()
    await opened.store.tasks.move({ taskId: parts[0] ?? '', to: 'failed' })
    await lifecycle().endTask({ taskId, state: 'cancelled' })
    expect(await statesOf(taskId)).toEqual(['failed', 'cancelled'])
  })
})
