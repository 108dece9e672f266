import { describe, expect, it, onTestFinished } from 'vitest'
import { drainSignal } from '../../workflows/messages.ts'
import { eventsOf } from '../support/workflows/histories.ts'
import type { RunningTask } from '../support/workflows/running-task.ts'
import type { TaskScript } from '../support/workflows/task-script.ts'
import { useWorld } from '../support/workflows/use-world.ts'

const world = useWorld({ seats: [] })
const asks = { name: 'run_shell_command', decision: 'ask' } as const

/** A task on a builder that is about to leave, and the builder that will take over. */
async function onLeavingBuilder(script: TaskScript, arrive: (task: RunningTask) => Promise<void>) {
  const leaving = await world().addBuilder(1)
  const task = await world().begin(script)
  await arrive(task)
  const next = await world().addBuilder(1)
  onTestFinished(() => next.stop())
  return { task, leaving, next }
}

const buildersOf = (task: RunningTask, name: string) =>
  task.record.finished.filter((step) => step.name === name).map(({ builder }) => builder)

async function failuresOf(task: RunningTask): Promise<number> {
  const runs = Array.from({ length: 2 }, (_, run) => world().client.workflow.getHandle(`build-${task.id}-${run + 1}`))
  const all = await Promise.all([task.handle, ...runs].map((handle) => eventsOf(handle).catch(() => [])))
  return all
    .flat()
    .filter((event) => event.activityTaskFailedEventAttributes ?? event.activityTaskTimedOutEventAttributes).length
}

async function secondsOf(act: Promise<void>): Promise<number> {
  const begun = Date.now()
  await act
  return (Date.now() - begun) / 1000
}

describe('a draining builder', () => {
  it('hands the task over after the step in progress, without a failed attempt', async () => {
    const script = { turns: [['edit', 'test'], ['complete_task']], hold: ['tool 1.0'] }
    const { task, leaving, next } = await onLeavingBuilder(script, (running) => running.reached('tool 1.0'))
    const drained = leaving.drain()
    await task.interrupted()
    task.release('tool 1.0')
    await drained
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    expect(buildersOf(task, 'tool 1.0')).toEqual([leaving.id])
    expect(buildersOf(task, 'tool 1.1')).toEqual([next.id])
    expect(task.record.events.filter((event) => event.startsWith('builder-lost'))).toEqual([])
    expect(await failuresOf(task)).toBe(0)
  })

  it('lets a verification that runs decide, and a good delivery out', async () => {
    const script = { hold: ['verification 1'] }
    const { task, leaving } = await onLeavingBuilder(script, (running) => running.reached('verification 1'))
    const drained = leaving.drain()
    await task.told(drainSignal)
    task.release('verification 1')
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    await drained
    expect(buildersOf(task, 'deliver')).toEqual([leaving.id])
  })

  it('leaves a repair to the next builder', async () => {
    const script: TaskScript = { verdicts: ['failed'], hold: ['verification 1'] }
    const { task, leaving, next } = await onLeavingBuilder(script, (running) => running.reached('verification 1'))
    const drained = leaving.drain()
    await task.told(drainSignal)
    task.release('verification 1')
    await drained
    expect(await task.ended()).toMatchObject({ state: 'completed', verdict: 'passed' })
    expect(buildersOf(task, 'turn 2')).toEqual([next.id])
    expect(buildersOf(task, 'verification 2')).toEqual([next.id])
  })

  it('is given its seat back at once by a task that waits for a person', async () => {
    const { task, leaving, next } = await onLeavingBuilder({ turns: [[asks]] }, (running) =>
      running.until('awaiting_approval'),
    )
    expect(await secondsOf(leaving.drain())).toBeLessThan(5)
    await task.approve('approval-1.0')
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    expect(buildersOf(task, 'tool 1.0')).toEqual([next.id])
  })

  it('is given its seat back at once by a paused task', async () => {
    const script = { turns: [['edit'], ['test']], hold: ['tool 1.0'] }
    const { task, leaving, next } = await onLeavingBuilder(script, async (running) => {
      await running.reached('tool 1.0')
      await running.pause()
      await running.interrupted()
      running.release('tool 1.0')
      await running.until('paused')
    })
    expect(await secondsOf(leaving.drain())).toBeLessThan(5)
    await task.resume()
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    expect(buildersOf(task, 'tool 2.0')).toEqual([next.id])
  })
})
