import { describe, expect, it } from 'vitest'
import type { RunningTask } from '../support/workflows/running-task.ts'
import type { TaskScript } from '../support/workflows/task-script.ts'
import { useWorld } from '../support/workflows/use-world.ts'

const world = useWorld()
const LEFT_MS = 1_500
/** Long enough to come that far before it, on a busy machine too. */
const LEFT_FOR_WORK_MS = 12_000

const dueIn = (milliseconds: number) => ({ deadline: new Date(Date.now() + milliseconds).toISOString() })
const asks = { name: 'run_shell_command', decision: 'ask' } as const
const inStep = (name: string, script: TaskScript = {}): readonly [string, TaskScript] => [
  `in the step "${name}"`,
  { ...script, hold: [name] },
]

const STATES: readonly (readonly [string, TaskScript, ((task: RunningTask) => Promise<void>)?])[] = [
  inStep('understand 1'),
  inStep('seat 1'),
  inStep('turn 1'),
  inStep('tool 1.0', { turns: [['edit']] }),
  inStep('verification 1'),
  ['while it waits for an answer', { understanding: [{ asks: 'Which?' }] }],
  ['while it waits for an approval', { turns: [[asks]] }],
  ['while it waits for a budget', { budgetReachedAt: [1] }],
  ['while it is paused', { hold: ['understand 1'] }, pausedInTheQueue],
]

async function pausedInTheQueue(task: RunningTask): Promise<void> {
  await task.reached('understand 1')
  await task.pause()
  task.release('understand 1')
  await task.until('paused')
}

describe.concurrent('a deadline', () => {
  it.for(STATES)('that passes %s ends the task as expired', async ([, script, arrive], { expect }) => {
    const task = await world().begin({ ...script, brief: dueIn(LEFT_MS) })
    await arrive?.(task)
    const outcome = await task.ended()
    expect(outcome).toMatchObject({ state: 'expired', error: expect.stringMatching(/^expired: The deadline passed/) })
    expect(task.record.ends).toBe(1)
    expect(task.record.states.at(-1)).toBe('expired')
    await expect.poll(() => world().builders.some((builder) => builder.holds(task.id)), { timeout: 3_000 }).toBe(false)
  })

  it('that passed before the start ends the task before any work', async () => {
    const task = await world().begin({ brief: dueIn(-1_000) })
    expect(await task.ended()).toMatchObject({ state: 'expired' })
    expect(task.record.begun.map(({ name }) => name)).toEqual(['end'])
  })

  it('takes nothing back from a delivery', async () => {
    const task = await world().begin({ brief: dueIn(LEFT_FOR_WORK_MS), hold: ['deliver'] })
    await task.reached('deliver')
    await new Promise((resolve) => setTimeout(resolve, LEFT_FOR_WORK_MS))
    task.release('deliver')
    expect(await task.ended()).toMatchObject({ state: 'completed' })
  })

  it.for(['2300-01-01T00:00:00Z', '9999-12-31T23:59:59Z'])(
    'in the far future (%s) changes nothing',
    async (deadline) => {
      const task = await world().begin({ brief: { deadline } })
      expect(await task.ended()).toMatchObject({ state: 'completed' })
    },
  )

  it('that was cancelled first stays cancelled', async () => {
    const task = await world().begin({ brief: dueIn(LEFT_FOR_WORK_MS), hold: ['turn 1', 'end'] })
    await task.reached('turn 1')
    await task.cancel()
    await task.reached('end')
    await new Promise((resolve) => setTimeout(resolve, LEFT_FOR_WORK_MS))
    task.release('end')
    expect(await task.ended()).toMatchObject({ state: 'cancelled' })
  })
})
