import { describe, expect, it } from 'vitest'
import { useWorld } from '../support/workflows/use-world.ts'

const world = useWorld()
const asks = { name: 'run_shell_command', decision: 'ask' } as const

describe('a pause', () => {
  it('comes after the step in progress and lets go on where it stopped', async () => {
    const task = await world().begin({ turns: [['edit', 'test'], ['complete_task']], hold: ['tool 1.0'] })
    await task.reached('tool 1.0')
    await task.pause()
    expect(await task.status()).toMatchObject({ state: 'building', paused: true })
    await task.interrupted()
    task.release('tool 1.0')
    await task.until('paused')
    expect(task.record.finished.at(-1)?.name).toBe('tool 1.0')
    await task.resume()
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    expect(task.record.states.slice(3, 6)).toEqual(['building', 'paused', 'building'])
    const tools = task.record.begun.filter(({ name }) => name.startsWith('tool'))
    expect(tools.map(({ name }) => name)).toEqual(['tool 1.0', 'tool 1.1', 'tool 2.0'])
  })

  it('between two turns asks the model nothing more until the task is resumed', async () => {
    const task = await world().begin({ turns: [['edit'], ['test']], hold: ['turn 1'] })
    await task.reached('turn 1')
    await task.pause()
    await task.interrupted()
    task.release('turn 1')
    await task.until('paused')
    expect(task.record.begun.map(({ name }) => name)).not.toContain('turn 2')
    await task.resume()
    expect(await task.ended()).toMatchObject({ state: 'completed' })
  })

  it('during the understanding keeps the task from asking for a seat', async () => {
    const task = await world().begin({ hold: ['understand 1'] })
    await task.reached('understand 1')
    await task.pause()
    task.release('understand 1')
    await task.until('paused')
    expect(task.record.begun.map(({ name }) => name)).toEqual(['understand 1'])
    await task.resume()
    expect(await task.ended()).toMatchObject({ state: 'completed' })
  })

  it('in the queue takes the request back; resumed, the task asks again', async () => {
    // The builder has the request and has not answered it.
    const task = await world().begin({ hold: ['seat 1'] })
    await task.reached('seat 1')
    await task.pause()
    await task.until('paused')
    await expect.poll(() => world().builders.some((builder) => builder.holds(task.id)), { timeout: 3_000 }).toBe(false)
    await task.resume()
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    expect(task.record.seat).toBe(2)
    expect(task.record.states.slice(2, 6)).toEqual(['queued', 'paused', 'queued', 'building'])
  })

  it('can be taken back before the step in progress has ended', async () => {
    const task = await world().begin({ turns: [['edit'], ['test']], hold: ['tool 1.0'] })
    await task.reached('tool 1.0')
    await task.pause()
    await task.resume()
    task.release('tool 1.0')
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    expect(task.record.states).not.toContain('paused')
  })

  it('during an approval holds the task back after the decision', async () => {
    const task = await world().begin({ turns: [[asks]] })
    await task.until('awaiting_approval')
    await task.pause()
    expect(task.record.state).toBe('awaiting_approval')
    await task.approve('approval-1.0')
    await task.until('paused')
    expect(task.record.begun.map(({ name }) => name)).not.toContain('tool 1.0')
    await task.resume()
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    expect(task.record.finished.map(({ name }) => name)).toContain('tool 1.0')
  })

  it('during a clarifying question holds the task back after the answer', async () => {
    const task = await world().begin({ understanding: [{ asks: 'Which?' }, 'understood'] })
    await task.until('awaiting_input')
    await task.pause()
    await task.say('That one.')
    await task.until('paused')
    await task.resume()
    expect(await task.ended()).toMatchObject({ state: 'completed' })
  })

  it('during verification lets a good delivery out', async () => {
    const task = await world().begin({ hold: ['verification 1'] })
    await task.reached('verification 1')
    await task.pause()
    task.release('verification 1')
    expect(await task.ended()).toMatchObject({ state: 'completed', verdict: 'passed' })
    expect(task.record.states).not.toContain('paused')
  })

  it('during verification stops a rejected delivery before its repair', async () => {
    const task = await world().begin({ verdicts: ['failed'], hold: ['verification 1'] })
    await task.reached('verification 1')
    await task.pause()
    task.release('verification 1')
    await task.until('paused')
    expect(task.record.begun.map(({ name }) => name)).not.toContain('turn 2')
    await task.resume()
    expect(await task.ended()).toMatchObject({ state: 'completed', verdict: 'passed' })
    expect(task.record.states.slice(4, 8)).toEqual(['verifying', 'building', 'paused', 'building'])
  })

  it('survives the loss of the seat: the task waits in the pause and queues afterwards', async () => {
    const task = await world().begin({ turns: [['edit'], ['test']], hold: ['tool 1.0'] })
    await task.reached('tool 1.0')
    await task.pause()
    await task.loseSeat()
    await task.until('paused')
    task.release('tool 1.0')
    await task.resume()
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    expect(task.record.states.slice(3, 7)).toEqual(['building', 'paused', 'queued', 'building'])
  })

  it('is shown by the status query from the moment it is asked for', async () => {
    const task = await world().begin({ hold: ['turn 1'] })
    await task.reached('turn 1')
    expect(await task.status()).toMatchObject({ paused: false })
    await task.pause()
    expect(await task.status()).toMatchObject({ paused: true })
    await task.resume()
    expect(await task.status()).toMatchObject({ paused: false })
    task.release('turn 1')
    await task.ended()
  })
})
