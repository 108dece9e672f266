import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { SeatTable } from '../../activities/builder/seat-table.ts'
import type { BuilderRegistry, Store } from '../../domain/ports/store.ts'
import { BuilderReport } from '../../workers/builder-report.ts'

let report: BuilderReport
afterEach(() => report.stop())

type Report = Parameters<BuilderRegistry['report']>[0]

/** A builder that reports to a registry which refuses the reports it is told to. */
async function reporting(refused: readonly number[] = []) {
  const seats = new SeatTable()
  const sent: Report[] = []
  const builders = {
    report: (row: Report) => (refused.includes(sent.push(row)) ? Promise.reject(new Error('away')) : Promise.resolve()),
    remove: () => Promise.resolve(),
  }
  const store = { builders } as unknown as Store
  report = new BuilderReport({ store, seats, id: 'b1', host: 'h', seatCount: 4, restarts: 0 })
  await report.start()
  const tasks = () => sent.map((row) => row.tasks.join())
  return { seats, sent, tasks }
}
const seat = (taskId: string) => ({ taskId, seat: 1 })

it('reports the first change of its seats at once, and the last of those that follow it within half a second', async () => {
  const { seats, tasks } = await reporting()
  seats.open(seat('a'))
  expect(tasks()).toEqual(['', 'a'])
  seats.open(seat('b'))
  seats.close(seat('a'))
  seats.close(seat('b'))
  seats.open(seat('c'))
  expect(tasks()).toEqual(['', 'a'])
  await delay(1_250)
  expect(tasks()).toEqual(['', 'a', 'c'])
  seats.close(seat('c'))
  expect(tasks()).toEqual(['', 'a', 'c', ''])
})

it('reports a change again that did not get through, with its next beat', async () => {
  const { seats, sent, tasks } = await reporting([2])
  seats.open(seat('a'))
  await delay(2_500)
  expect(tasks()).toEqual(['', 'a', 'a'])
  expect(sent.at(-1)).toMatchObject({ state: 'busy', seatsUsed: 1 })
})

it('reports nothing any more once it has stopped', async () => {
  const { seats, sent } = await reporting()
  seats.open(seat('a'))
  seats.open(seat('b'))
  await report.stop()
  seats.open(seat('c'))
  await delay(2_500)
  expect(sent).toHaveLength(2)
})
