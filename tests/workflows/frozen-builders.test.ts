import { describe, expect, it } from 'vitest'
import { seatGrantedSignal } from '../../workflows/messages.ts'
import type { RunningTask } from '../support/workflows/running-task.ts'
import { useWorld } from '../support/workflows/use-world.ts'

/** Beats are missed in real time; the tests wait together. */
const world = useWorld()

function freeze(task: RunningTask): void {
  for (const builder of world().builders) builder.freeze(task.id)
}

function thaw(task: RunningTask): void {
  for (const builder of world().builders) builder.thaw(task.id)
}

async function inTool(): Promise<RunningTask> {
  const task = await world().begin({ turns: [['edit'], ['complete_task']], hold: ['tool 1.0'] })
  await task.reached('tool 1.0')
  return task
}

const seconds = (count: number) => new Promise((resolve) => setTimeout(resolve, count * 1000))

describe.concurrent('a builder that stands still', () => {
  it('loses the seat after five missed beats, and the step is done on the next one', async () => {
    const task = await inTool()
    freeze(task)
    const begun = Date.now()
    await task.reached('tool 1.0', 2)
    const movedAfter = Date.now() - begun
    expect(movedAfter).toBeGreaterThan(3_500)
    expect(movedAfter).toBeLessThan(8_000)
    task.release('tool 1.0')
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    expect(task.record.finished.filter(({ name }) => name === 'tool 1.0').map(({ seat }) => seat)).toEqual([2])
    thaw(task)
  })

  it('keeps the seat when it goes on within three seconds', async () => {
    const task = await inTool()
    freeze(task)
    await seconds(3)
    thaw(task)
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    expect(task.record.seat).toBe(1)
  })

  it('and leaves in a hurry holds nothing up: the task goes on at the next seat', async () => {
    const task = await inTool()
    freeze(task)
    for (const builder of world().builders) builder.drop(task.id)
    await task.record.when(() => task.record.seat === 2)
    task.release('tool 1.0')
    expect(await task.ended()).toMatchObject({ state: 'completed' })
  })

  it('answers too late after it: its result is refused and the next seat works undisturbed', async () => {
    const task = await inTool()
    freeze(task)
    await task.reached('tool 1.0', 2)
    thaw(task)
    await task.record.when(() => task.record.refused.length > 0)
    task.release('tool 1.0')
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    expect(task.record.refused.map(({ name, seat }) => [name, seat])).toEqual([['tool 1.0', 1]])
    expect(task.record.seat).toBe(2)
  })

  it('in a model turn is not asked again on the seat it lost', async () => {
    const task = await world().begin({ hold: ['turn 1'] })
    await task.reached('turn 1')
    freeze(task)
    await task.reached('turn 1', 2)
    task.release('turn 1')
    await task.ended()
    const turns = task.record.begun.filter(({ name }) => name === 'turn 1')
    expect(turns.map(({ seat, attempt }) => [seat, attempt])).toEqual([
      [1, 1],
      [2, 1],
    ])
    thaw(task)
  })

  it('while a person is waited for costs nothing: the answer goes to the next seat', async () => {
    const task = await world().begin({ turns: [[{ name: 'run', decision: 'ask' }]] })
    await task.until('awaiting_approval')
    freeze(task)
    await seconds(7)
    await task.approve('approval-1.0')
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    expect(task.record.finished.filter(({ name }) => name === 'tool 1.0').map(({ seat }) => seat)).toEqual([2])
    thaw(task)
  })
})

describe.concurrent('a builder that granted a seat and serves nobody', () => {
  it('is given up after five seconds in which it takes no step', async () => {
    const task = await world().begin({ hold: ['seat 1'] })
    await task.reached('seat 1')
    await task.handle.signal(seatGrantedSignal, { seat: 1, builder: 'b9', queue: 'builder-b9' })
    const begun = Date.now()
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    expect(Date.now() - begun).toBeLessThan(9_000)
    expect(task.record.events[1]).toMatch(/^builder-assigned b9 seat 1/)
    expect(task.record.events[2]).toMatch(/^builder-lost b9/)
    task.release('seat 1')
  })
})
