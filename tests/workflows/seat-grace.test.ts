import { describe, it } from 'vitest'
import { scheduled } from '../support/workflows/histories.ts'
import { RunningTask } from '../support/workflows/running-task.ts'
import type { TaskScript } from '../support/workflows/task-script.ts'
import { useWorld } from '../support/workflows/use-world.ts'

/** These wait in real time, together: a seat that is held beats, and time that skips would take the beats away. */
const world = useWorld()
const GRACE_MS = 30_000

/** Heard of after its last step there would be nothing left to pause. */
async function pause(task: RunningTask): Promise<void> {
  await task.pause()
  await task.interrupted()
}

const holds = (task: RunningTask): boolean => world().builders.some((builder) => builder.holds(task.id))

const WAITS: readonly (readonly [string, TaskScript, (task: RunningTask) => Promise<unknown>])[] = [
  [
    'awaiting_approval',
    { turns: [[{ name: 'run', decision: 'ask' }, 'test']] },
    (task) => task.approve('approval-1.0'),
  ],
  ['awaiting_input', { turns: [[{ name: 'ask_user', kind: 'human' }, 'test']] }, (task) => task.say('Green.')],
  ['awaiting_budget', { turns: [['test']], budgetReachedAt: [1] }, (task) => task.raiseBudget(9)],
  [
    'paused',
    {
      turns: [['edit'], ['test']],
      during: async ({ name }, record) => {
        if (name === 'tool 1.0') await pause(new RunningTask(world().client.workflow.getHandle(record.id), record))
      },
    },
    (task) => task.resume(),
  ],
]

describe.concurrent('a seat', () => {
  it.for(WAITS)(
    'is given back after 30 s of %s, and asked for again with priority 1',
    async ([state, script, answer], { expect }) => {
      const task = await world().begin(script)
      await task.record.when(() => task.record.state === state)
      const begun = Date.now()
      await expect.poll(() => holds(task), { timeout: GRACE_MS + 8_000, interval: 100 }).toBe(false)
      const kept = Date.now() - begun
      expect(kept).toBeGreaterThan(GRACE_MS - 1_000)
      expect(kept).toBeLessThan(GRACE_MS + 4_000)
      await answer(task)
      expect(await task.ended()).toMatchObject({ state: 'completed' })
      const requests = (await scheduled(task.handle)).filter(({ activity }) => activity === 'holdSeat')
      expect(requests.map(({ priority }) => priority)).toEqual([3, 1])
      expect(task.record.states).toContain('queued')
    },
  )

  it.for(WAITS)('is given back at once where others queue, when %s', async ([state, script, answer], { expect }) => {
    const task = await world().begin({ ...script, othersQueue: true })
    await task.record.when(() => task.record.state === state)
    const begun = Date.now()
    await expect.poll(() => holds(task), { timeout: GRACE_MS, interval: 100 }).toBe(false)
    expect(Date.now() - begun).toBeLessThan(GRACE_MS / 2)
    await answer(task)
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    const requests = (await scheduled(task.handle)).filter(({ activity }) => activity === 'holdSeat')
    expect(requests.map(({ priority }) => priority)).toEqual([3, 1])
  })

  it.for(WAITS)('is still there for who answers sooner, when %s', async ([state, script, answer], { expect }) => {
    const task = await world().begin(script)
    await task.record.when(() => task.record.state === state)
    await answer(task)
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    expect(task.record.seat).toBe(1)
    expect(task.record.states.filter((other) => other === 'queued')).toHaveLength(1)
  })
})
