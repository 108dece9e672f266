import { describe, expect, it } from 'vitest'
import { TASK_QUEUES } from '../../domain/contracts.ts'
import type { Priority } from '../../domain/task.ts'
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

async function queued(priority: Priority, tenant = 'default'): Promise<RunningTask> {
  const task = await world().begin({ brief: { priority, tenant } })
  await task.until('queued')
  await expect.poll(() => seatRequests(task)).toHaveLength(1)
  return task
}

/** As many tasks in the queue. */
const backlog = (count: number, priority: Priority, tenant?: string): Promise<readonly RunningTask[]> =>
  Promise.all(Array.from({ length: count }, () => queued(priority, tenant)))

/** Lets the queue move, and tells at which places, from 0, these tasks of it were served. */
async function placesOf(tasks: readonly RunningTask[], all: readonly RunningTask[]): Promise<readonly number[]> {
  await Promise.all(all.map((task) => task.ended()))
  const served = all.toSorted((one, other) => startOf(one) - startOf(other))
  return tasks.map((task) => served.indexOf(task))
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

  it('lets a task of priority 1 overtake at least 80 % of those that wait with priority 5', async () => {
    const first = await occupied()
    const waiting = await backlog(10, 5)
    const urgent = await queued(1)
    first.release('tool 1.0')
    const [place] = await placesOf([urgent], [...waiting, urgent])
    expect(place).toBeLessThanOrEqual(waiting.length * 0.2)
  })

  it('is shared by tenants: the few tasks of one do not wait for the many that another sent before', async () => {
    const first = await occupied()
    const many = await backlog(10, 3, 'busy')
    const few = await backlog(3, 3, 'quiet')
    first.release('tool 1.0')
    const places = await placesOf(few, [...many, ...few])
    // Served in turn with the other's: not on the last places.
    expect(Math.max(...places)).toBeLessThan(2 * few.length + 2)
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
