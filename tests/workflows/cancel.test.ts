import { describe, expect, it } from 'vitest'
import { relayedSignal } from '../../workflows/messages.ts'
import type { TaskScript } from '../support/workflows/task-script.ts'
import type { RunningTask } from '../support/workflows/running-task.ts'
import { useWorld } from '../support/workflows/use-world.ts'

const world = useWorld()
const asks = { name: 'run_shell_command', decision: 'ask' } as const
const asksPerson = { name: 'ask_user', kind: 'human' } as const

interface AwaitPoint {
  readonly where: string
  readonly script: TaskScript
  /** Brings the task to the point. */
  readonly arrive: (task: RunningTask) => Promise<void>
}

const inStep = (name: string, script: TaskScript = {}): AwaitPoint => ({
  where: `in the step "${name}"`,
  script: { ...script, hold: [name] },
  arrive: (task) => task.reached(name),
})

const AWAIT_POINTS: readonly AwaitPoint[] = [
  inStep('understand 1'),
  // The builder has taken the request and not yet announced itself.
  inStep('seat 1'),
  inStep('workspace'),
  inStep('turn 2', { turns: [['read'], ['edit']] }),
  inStep('tool 1.0', { turns: [['edit']] }),
  inStep('verification 1'),
  inStep('verification 2', { verdicts: ['failed'] }),
  {
    where: 'while it waits for a clarification',
    script: { understanding: [{ asks: 'Which?' }] },
    arrive: (task) => task.until('awaiting_input'),
  },
  {
    where: 'while the model waits for an answer',
    script: { turns: [[asksPerson]] },
    arrive: (task) => task.until('awaiting_input'),
  },
  {
    where: 'while it waits for an approval',
    script: { turns: [[asks]] },
    arrive: (task) => task.until('awaiting_approval'),
  },
  {
    where: 'while it waits for a budget',
    script: { budgetReachedAt: [1] },
    arrive: (task) => task.until('awaiting_budget'),
  },
  {
    where: 'while it is paused',
    script: { turns: [['edit'], ['test']], hold: ['tool 1.0'] },
    async arrive(task) {
      await task.reached('tool 1.0')
      await task.pause()
      await task.interrupted()
      task.release('tool 1.0')
      await task.until('paused')
    },
  },
]

describe('cancelling', () => {
  it.each(AWAIT_POINTS.map((point) => [point.where, point] as const))(
    '%s ends the task as cancelled, once, and gives its seat back',
    async (_, point) => {
      const task = await world().begin(point.script)
      await point.arrive(task)
      const begun = Date.now()
      await task.cancel()
      expect(await task.ended()).toEqual({ state: 'cancelled', costUsd: expect.any(Number) })
      expect(Date.now() - begun).toBeLessThan(3_000)
      expect(task.record.ends).toBe(1)
      await expect
        .poll(() => world().builders.some((builder) => builder.holds(task.id)), { timeout: 3_000 })
        .toBe(false)
    },
  )

  it('stops the step that runs: its late result is refused', async () => {
    const task = await world().begin({ turns: [['edit']], hold: ['tool 1.0'] })
    await task.reached('tool 1.0')
    for (const builder of world().builders) builder.freeze(task.id)
    await task.cancel()
    await task.ended()
    for (const builder of world().builders) builder.thaw(task.id)
    await task.record.when(() => task.record.refused.length > 0)
    expect(task.record.refused.map(({ name }) => name)).toEqual(['tool 1.0'])
  })

  it('comes too late once the result is being delivered', async () => {
    const task = await world().begin({ hold: ['deliver'] })
    await task.reached('deliver')
    await task.cancel()
    task.release('deliver')
    expect(await task.ended()).toMatchObject({ state: 'completed', verdict: 'passed' })
  })

  it('counts when the Manager hears of it together with the end of the verification', async () => {
    const task = await world().begin({ hold: ['verification 1'] })
    await task.reached('verification 1')
    await world().restartManager(async () => {
      await task.cancel()
      task.release('verification 1')
      await expect.poll(() => task.completed('verifyDelivery')).toBe(true)
    })
    expect(await task.ended()).toMatchObject({ state: 'cancelled' })
  })

  it('counts when the Manager hears of it together with the answer to a plain question', async () => {
    const task = await world().begin({ understanding: [{ answers: '42' }], hold: ['understand 1'] })
    await task.reached('understand 1')
    await world().restartManager(async () => {
      await task.cancel()
      task.release('understand 1')
    })
    expect(await task.ended()).toMatchObject({ state: 'cancelled' })
  })

  it('twice is once', async () => {
    const task = await world().begin({ hold: ['turn 1'] })
    await task.reached('turn 1')
    await Promise.all([task.cancel(), task.cancel()])
    expect(await task.ended()).toMatchObject({ state: 'cancelled' })
    expect(task.record.events.filter((event) => event.startsWith('task-ended'))).toHaveLength(1)
  })

  it('in the Temporal Web UI means the same', async () => {
    const task = await world().begin({ turns: [['edit']], hold: ['tool 1.0'] })
    await task.reached('tool 1.0')
    await task.handle.cancel()
    expect(await task.ended()).toMatchObject({ state: 'cancelled' })
    expect(task.record.states.at(-1)).toBe('cancelled')
  })

  it('in the Temporal Web UI, heard together with a message, takes the message to its end, and then the task', async () => {
    const task = await world().begin({ turns: [['edit']], hold: ['tool 1.0'] })
    await task.reached('tool 1.0')
    await world().restartManager(async () => {
      await task.handle.signal(relayedSignal, { type: 'reprioritised', priority: 1 })
      await task.handle.cancel()
    })
    expect(await task.ended()).toMatchObject({ state: 'cancelled' })
    expect(task.record.brief.priority).toBe(1)
    expect(task.record.ends).toBe(1)
  })

  it('of the Builder run alone ends the task too', async () => {
    const task = await world().begin({ turns: [['edit']], hold: ['tool 1.0'] })
    await task.reached('tool 1.0')
    await world().client.workflow.getHandle(`build-${task.id}-1`).cancel()
    expect(await task.ended()).toMatchObject({ state: 'cancelled' })
  })
})
