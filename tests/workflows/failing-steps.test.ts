import { describe, expect, it } from 'vitest'
import { during } from '../support/workflows/task-script.ts'
import { useWorld } from '../support/workflows/use-world.ts'

/** The pauses before ten seats last three minutes, in which no activity runs. */
const world = useWorld({ timeSkipping: true, seats: [10] })

describe('a step that fails again and again on living builders', () => {
  const failing = (times: number) =>
    during(
      'turn 1',
      () => {
        throw new Error('ECONNRESET')
      },
      times,
    )

  it('is tried on nine seats, with longer and longer pauses, and may go well at last', async () => {
    const task = await world().begin({ during: failing(9) })
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    expect(task.record.seat).toBe(10)
  })

  it('ends the task as poison at the tenth, with the last reason', async () => {
    const task = await world().begin({ during: failing(Infinity) })
    const { state, error } = await task.ended()
    expect(state).toBe('failed')
    expect(error).toMatch(
      /^poison_task: The same step failed on 10 seats in a row \(building, turn 1, call 1; .*ECONNRESET/,
    )
    expect(task.record.begun.filter(({ name }) => name === 'turn 1')).toHaveLength(10)
  })
})
