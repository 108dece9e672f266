import { describe, expect, it } from 'vitest'
import { TASK_QUEUES } from '../../domain/contracts.ts'
import type { RunningTask } from '../support/workflows/running-task.ts'
import { useWorld } from '../support/workflows/use-world.ts'
import { scheduled } from '../support/workflows/histories.ts'

/** One builder with one seat: whoever holds it makes all others wait. */
const world = useWorld({ seats: [1] })

/** A task that keeps the only seat until it is let go. */
async function occupied(): Promise<RunningTask> {
  const task = await world().begin({ turns: [['edit']], hold: ['tool 1.0'] })
  await task.reached('tool 1.0')
  return task
}

async function queued(priority: 1 | 2 | 3 | 4 | 5): Promise<RunningTask> {
  const task = await world().begin({ brief: { priority } })
  await task.until('queued')
  await expect.poll(() => seatRequests(task)).toHaveLength(1)
  return task
}

const seatRequests = async (task: RunningTask) =>
  (await scheduled(task.handle)).filter(({ activity }) => activity === 'holdSeat')

const order = (tasks: Readonly<Record<string, RunningTask>>): string[] =>
  Object.entries(tasks)
    .toSorted(([, one], [, other]) => startOf(one) - startOf(other))
    .map(([name]) => name)
const startOf = ({ record }: RunningTask): number => record.assignedAt

describe('the queue for a seat', () => {
  it('serves the most urgent first, whoever came first', async () => {
    const first = await occupied()
    const tasks = { late: await queued(5), usual: await queued(3), urgent: await queued(1) }
    first.release('tool 1.0')
    await Promise.all(Object.values(tasks).map((task) => task.ended()))
    expect(order(tasks)).toEqual(['urgent', 'usual', 'late'])
  })

  it('names priority and tenant in the request', async () => {
    const task = await world().begin({ brief: { priority: 4, tenant: 'acme' } })
    await task.ended()
    expect(await seatRequests(task)).toEqual([
      expect.objectContaining({ queue: TASK_QUEUES.builders, priority: 4, fairnessKey: 'acme' }),
    ])
  })

  it("asks with priority 1 for work already begun, whatever the task's own is", async () => {
    const lost = await world().begin({ brief: { priority: 5 }, turns: [['edit'], ['test']], hold: ['tool 1.0'] })
    await lost.reached('tool 1.0')
    await lost.loseSeat()
    lost.release('tool 1.0')
    await lost.ended()
    expect((await seatRequests(lost)).map(({ priority }) => priority)).toEqual([5, 1])
  })

  it('lets a reprioritised task overtake: its request is withdrawn and made again', async () => {
    const first = await occupied()
    const tasks = { usual: await queued(3), raised: await queued(5) }
    await tasks.raised.reprioritise(1)
    await expect.poll(() => seatRequests(tasks.raised)).toHaveLength(2)
    first.release('tool 1.0')
    await Promise.all(Object.values(tasks).map((task) => task.ended()))
    expect(order(tasks)).toEqual(['raised', 'usual'])
    expect((await seatRequests(tasks.raised)).map(({ priority }) => priority)).toEqual([5, 1])
    expect(tasks.raised.record.seat).toBe(2)
    expect(tasks.raised.record.brief.priority).toBe(1)
  })

  it('keeps the place of a request that gains nothing by a new priority', async () => {
    const first = await occupied()
    const waiting = await queued(2)
    await waiting.reprioritise(2)
    first.release('tool 1.0')
    await waiting.ended()
    expect(await seatRequests(waiting)).toHaveLength(1)
    const lost = await world().begin({ turns: [['edit'], ['test']], hold: ['tool 1.0', 'seat 2'] })
    await lost.reached('tool 1.0')
    await lost.loseSeat()
    await lost.reached('seat 2')
    await lost.reprioritise(5)
    lost.release('seat 2')
    lost.release('tool 1.0')
    await lost.ended()
    expect(await seatRequests(lost)).toHaveLength(2)
  })

  it('keeps a seat number for one request: what an earlier one is granted late counts for nothing', async () => {
    const task = await world().begin({ brief: { priority: 5 }, hold: ['seat 1'] })
    await task.reached('seat 1')
    await task.reprioritise(1)
    await task.until('building')
    expect(await task.status()).toMatchObject({ seat: 2 })
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    expect(new Set(task.record.finished.map(({ seat }) => seat))).toEqual(new Set([2]))
  })

  it('asks again, not at once, when a builder takes the request and fails', async () => {
    let failures = 0
    const task = await world().begin({
      during({ name }) {
        if (name.startsWith('seat') && failures++ < 2) throw new Error('no room for a workspace')
      },
    })
    const begun = Date.now()
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    expect(task.record.seat).toBe(3)
    expect(Date.now() - begun).toBeGreaterThan(2_000)
  })
})
