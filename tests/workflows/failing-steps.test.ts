import { describe, expect, it } from 'vitest'
import { during } from '../support/workflows/task-script.ts'
import { useWorld } from '../support/workflows/use-world.ts'

/** The pauses between the seats take minutes. */
const world = useWorld({ timeSkipping: true, seats: [10] })

const failing = (times?: number) =>
  during(
    'turn 1',
    () => {
      throw new Error('ECONNRESET')
    },
    times,
  )

describe('a step that fails on living builders', () => {
  it('is tried on ten seats, as long as a service may be away', async () => {
    const task = await world().begin({ during: failing(9) })
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    expect(task.record.seat).toBe(10)
  })

  it('on ten of them sets the task aside as poison, with the last reason', async () => {
    const task = await world().begin({ during: failing() })
    const { state, error } = await task.ended()
    expect(state).toBe('failed')
    expect(error).toMatch(
      /^poison_task: The same step failed on 10 seats in a row \(building, turn 1, call 1; .*ECONNRESET/,
    )
    expect(task.record.begun.filter(({ name }) => name === 'turn 1')).toHaveLength(10)
  })
})
