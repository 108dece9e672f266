import { describe, expect, it } from 'vitest'
import { seatGrantedSignal, seatLostSignal } from '../../workflows/messages.ts'
import { eventsOf } from '../support/workflows/histories.ts'
import { during } from '../support/workflows/task-script.ts'
import { useWorld } from '../support/workflows/use-world.ts'

const world = useWorld()
/** Ends the seat a step runs on, as a builder that dies in the middle of it. */
const dying = (name: string, times = 1) =>
  during(
    name,
    ({ builder }, task) => {
      for (const candidate of world().builders) if (candidate.id === builder) candidate.drop(task.id)
      return new Promise(() => undefined)
    },
    times,
  )

/** Ends the process a step runs on; the pool tells the Manager. */
const killing = (name: string, times: number) =>
  during(
    name,
    async ({ builder }, task) => {
      const gone = { builder, reason: 'its process exited' }
      await world().client.workflow.getHandle(task.id).signal(seatLostSignal, gone)
      return new Promise(() => undefined)
    },
    times,
  )

const names = (steps: readonly { readonly name: string; readonly seat: number }[]) =>
  steps.filter(({ seat }) => seat > 0).map(({ name, seat }) => `${name} @${seat}`)

describe('a completed task', () => {
  it('is stored while its builder still takes the seat back', async () => {
    const freeze = () => world().builders.forEach((builder) => builder.freeze(task.id))
    const thaw = () => world().builders.forEach((builder) => builder.thaw(task.id))
    const task = await world().begin({
      after: ({ name }) => name === 'deliver' && freeze(),
      during: ({ name }) => name === 'end' && thaw(),
    })
    await task.ended()
    const events = await eventsOf(task.handle)
    // A builder that is asked to take it back before the end would never be thawed, and its answer be late.
    expect(events.filter((event) => event.activityTaskTimedOutEventAttributes)).toEqual([])
    expect(events.filter((event) => event.activityTaskCanceledEventAttributes)).toEqual([])
  })
})

describe('a lost seat', () => {
  it('is followed by one with the next number, where only the unfinished step is repeated', async () => {
    const task = await world().begin({
      turns: [['read', 'edit', 'test'], ['complete_task']],
      during: dying('tool 1.1'),
    })
    expect(await task.ended()).toMatchObject({ state: 'completed', verdict: 'passed' })
    expect(names(task.record.begun)).toEqual([
      ...['seat 1 @1', 'workspace @1', 'turn 1 @1', 'tool 1.0 @1', 'tool 1.1 @1'],
      ...['seat 2 @2', 'workspace @2', 'turn 1 @2', 'tool 1.1 @2', 'tool 1.2 @2', 'turn 2 @2', 'tool 2.0 @2'],
      ...['verification 1 @2', 'deliver @2'],
    ])
  })

  it('keeps the state and is told as an event', async () => {
    const task = await world().begin({ turns: [['edit']], during: dying('tool 1.0') })
    await task.ended()
    expect(task.record.states.slice(3)).toEqual(['building', 'verifying', 'delivering', 'completed'])
    expect(task.record.events).toEqual([
      'task-queued',
      expect.stringMatching(/^builder-assigned b\d seat 1 attempt 1$/),
      expect.stringMatching(/^builder-lost b\d: the builder ended the seat$/),
      expect.stringMatching(/^builder-assigned b\d seat 2 attempt 2$/),
      'task-ended completed',
    ])
  })

  it('during verification is followed by the same verification on the next seat', async () => {
    const task = await world().begin({ turns: [['edit']], during: dying('verification 1') })
    expect(await task.ended()).toMatchObject({ state: 'completed', verdict: 'passed' })
    expect(names(task.record.finished).slice(-2)).toEqual(['verification 1 @2', 'deliver @2'])
    expect(task.record.states.slice(3)).toEqual(['building', 'verifying', 'delivering', 'completed'])
  })

  it('during delivery is followed by the same delivery on the next seat', async () => {
    const task = await world().begin({ during: dying('deliver') })
    expect(await task.ended()).toMatchObject({ state: 'completed', branch: `openclaw/${task.id}` })
    expect(names(task.record.finished).slice(-2)).toEqual(['verification 1 @1', 'deliver @2'])
  })

  it('takes no step with it that was finished before', async () => {
    const task = await world().begin({ turns: [['edit'], ['complete_task']], during: dying('turn 2') })
    await task.ended()
    const done = task.record.finished.map(({ name }) => name).filter((name) => name.startsWith('tool'))
    expect(done).toEqual(['tool 1.0', 'tool 2.0'])
  })
})

describe('the signal that a builder is gone', () => {
  it('moves the work at once, without waiting for a missing heartbeat', async () => {
    const task = await world().begin({ turns: [['edit']], hold: ['tool 1.0'] })
    await task.reached('tool 1.0')
    const begun = Date.now()
    await task.loseSeat()
    await task.reached('tool 1.0', 2)
    expect(Date.now() - begun).toBeLessThan(3_000)
    task.release('tool 1.0')
    await task.ended()
    expect(task.record.events[2]).toMatch(/^builder-lost b\d: its process exited$/)
  })

  it('changes nothing when it names another builder', async () => {
    const task = await world().begin({ turns: [['edit']], hold: ['tool 1.0'] })
    await task.reached('tool 1.0')
    await task.handle.signal(seatLostSignal, { builder: 'b77', reason: 'its process exited' })
    task.release('tool 1.0')
    await task.ended()
    expect(task.record.seat).toBe(1)
  })
})

describe('poison', () => {
  it('is a step at which three builders in a row are lost: the task is set aside', async () => {
    const task = await world().begin({ turns: [['edit']], during: killing('tool 1.0', 3) })
    const { state, error } = await task.ended()
    expect(state).toBe('failed')
    expect(error).toMatch(
      /^poison_task: 3 builders in a row were lost at the same step \(building, turn 1, call 1; last: its process exited\)/,
    )
    expect(task.record.seat).toBe(3)
  })

  it('is not a living builder that ends the seat again and again', async () => {
    const task = await world().begin({ turns: [['edit']], during: dying('tool 1.0', 5) })
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    expect(task.record.seat).toBe(6)
  })

  it('is not a loss at different steps', async () => {
    const losses = [killing('tool 1.0', 2), killing('tool 1.1', 2), killing('verification 1', 2)]
    const task = await world().begin({
      turns: [['edit', 'test']],
      during: (step, record) => losses.map((lose) => lose(step, record)).find(Boolean),
    })
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    expect(task.record.seat).toBe(7)
  })
})

describe('a grant', () => {
  it('of an old seat is left to end by itself', async () => {
    const task = await world().begin({ turns: [['edit']], hold: ['tool 1.0'] })
    await task.reached('tool 1.0')
    await task.handle.signal(seatGrantedSignal, { seat: 0, builder: 'b88', queue: 'builder-b88' })
    await task.handle.signal(seatGrantedSignal, { seat: 2, builder: 'b99', queue: 'builder-b99' })
    expect(await task.status()).toMatchObject({ seat: 1, builder: expect.stringMatching(/^b[12]$/) })
    task.release('tool 1.0')
    expect(await task.ended()).toMatchObject({ state: 'completed' })
  })
})

describe('giving a seat back', () => {
  it('goes through the queue of its builder, within milliseconds of the end', async () => {
    const task = await world().begin()
    await task.ended()
    await expect.poll(() => world().builders.map((builder) => builder.holds(task.id))).toEqual([false, false])
    const { events } = await task.handle.fetchHistory()
    const released = events?.find(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'releaseSeat',
    )
    expect(released?.activityTaskScheduledEventAttributes?.taskQueue?.name).toMatch(/^builder-b\d$/)
    expect(events?.some((event) => event.activityTaskCancelRequestedEventAttributes)).toBe(false)
  })
})
