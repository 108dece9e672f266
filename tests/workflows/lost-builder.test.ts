import { describe, expect, it } from 'vitest'
import { useWorld } from '../support/workflows/use-world.ts'

const world = useWorld({ seats: [1] })

describe('a builder that is gone in the middle of a Builder run', () => {
  it('is not waited for: its run is ended, and another one on the next builder goes on', async () => {
    const task = await world().begin({ turns: [['edit'], ['complete_task']], hold: ['tool 1.0'] })
    await task.reached('tool 1.0')
    world().builders[0]?.vanish()
    await world().addBuilder(1)
    await task.reached('tool 1.0', 2)
    task.release('tool 1.0')
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    const runs = [1, 2].map((run) => world().client.workflow.getHandle(`build-${task.id}-${run}`))
    const ends = await Promise.all(runs.map(async (run) => (await run.describe()).status.name))
    expect(ends).toEqual(['TERMINATED', 'COMPLETED'])
  })

  it('leaves no run behind when its task is cancelled before anybody knows', async () => {
    const task = await world().begin({ turns: [['edit']], hold: ['tool 1.0'] })
    await task.reached('tool 1.0')
    world().builders[1]?.vanish()
    await task.cancel()
    expect(await task.ended()).toMatchObject({ state: 'cancelled' })
    const run = world().client.workflow.getHandle(`build-${task.id}-1`)
    await expect.poll(async () => (await run.describe()).status.name, { timeout: 5_000 }).toBe('TERMINATED')
  })
})
