import { describe, expect, it } from 'vitest'
import type { RunningTask } from '../support/workflows/running-task.ts'
import { useWorld } from '../support/workflows/use-world.ts'

/** Time flies here while no activity runs: a seat that is held stops it, one that ended does not. */
const world = useWorld({ timeSkipping: true, seats: [10] })
const asks = { name: 'run_shell_command', decision: 'ask' } as const
const asksPerson = { name: 'ask_user', kind: 'human' } as const

/** Brings a task that waits to where no builder serves it. */
async function withoutSeat(task: RunningTask): Promise<RunningTask> {
  for (const builder of world().builders) builder.drop(task.id)
  await expect.poll(async () => (await task.status()).builder).toBeNull()
  return task
}

async function waitingForApproval(): Promise<RunningTask> {
  const task = await world().begin({ turns: [[asks, 'test']] })
  await task.until('awaiting_approval')
  return withoutSeat(task)
}

const tools = (task: RunningTask) =>
  task.record.finished.map(({ name }) => name).filter((name) => name.startsWith('tool'))

describe('an approval', () => {
  it('lets the call run', async () => {
    const task = await waitingForApproval()
    await task.approve('approval-1.0')
    await task.until('completed')
    expect(tools(task)).toEqual(['tool 1.0', 'tool 1.1'])
    expect(task.record.states.slice(3, 6)).toEqual(['building', 'awaiting_approval', 'queued'])
  })

  it('that is refused lets the rest of the turn run without the call', async () => {
    const task = await waitingForApproval()
    await task.reject('approval-1.0')
    await task.until('completed')
    expect(tools(task)).toEqual(['tool 1.1'])
  })

  it('is still good after 29 days', async () => {
    const task = await waitingForApproval()
    await world().env.sleep('29 days')
    expect(task.record.state).toBe('awaiting_approval')
    await task.approve('approval-1.0')
    await task.until('completed')
    expect(tools(task)).toEqual(['tool 1.0', 'tool 1.1'])
  })

  it('that nobody gives counts as refused after 30 days, and the task goes on', async () => {
    const task = await waitingForApproval()
    await world().env.sleep('31 days')
    await task.until('completed')
    expect(tools(task)).toEqual(['tool 1.1'])
    expect(task.record.events).toContain('approval-decided reject by expiry')
  })

  it('that was given in the last moment, and whose news the expiry overtakes, lets the call run', async () => {
    const task = await waitingForApproval()
    task.record.decide({ approvalId: 'approval-1.0', decision: 'approve', by: 'key:1' })
    await world().env.sleep('31 days')
    await task.until('completed')
    expect(tools(task)).toEqual(['tool 1.0', 'tool 1.1'])
  })

  it('for another call, an unknown one or a second time is refused with the reason', async () => {
    const task = await waitingForApproval()
    await expect(task.approve('approval-9.9')).rejects.toMatchObject({ cause: { type: 'conflict' } })
    expect(task.record.state).toBe('awaiting_approval')
    await task.reject('approval-1.0')
    await task.until('completed')
    await expect(task.approve('approval-1.0')).rejects.toThrow()
  })
})

describe('a question', () => {
  it('of the model is answered as the response of that call, however late', async () => {
    const task = await world().begin({ turns: [[asksPerson, 'edit']] })
    await task.until('awaiting_input')
    await withoutSeat(task)
    await world().env.sleep('200 days')
    expect(await task.say('Green.')).toBe('answer')
    await task.until('completed')
    expect(tools(task)).toEqual(['tool 1.0', 'tool 1.1'])
  })

  it('before the work waits without a seat', async () => {
    const task = await world().begin({ understanding: [{ asks: 'Which?' }, { asks: 'And?' }, 'understood'] })
    await task.until('awaiting_input')
    await world().env.sleep('60 days')
    await task.say('This.')
    await task.until('understanding')
    await task.reached('understand 2')
    await task.until('awaiting_input')
    await task.say('And that.')
    await task.until('completed')
    expect(task.record.read['1']).toEqual(['This.', 'And that.'])
    expect(task.record.seat).toBe(1)
  })
})

describe('a budget', () => {
  it('that is used up stops the task until it is raised', async () => {
    const task = await world().begin({ turns: [['edit'], ['test']], budgetReachedAt: [2] })
    await task.until('awaiting_budget')
    await withoutSeat(task)
    await world().env.sleep('60 days')
    expect(tools(task)).toEqual(['tool 1.0'])
    await task.raiseBudget(5)
    await task.until('completed')
    expect(tools(task)).toEqual(['tool 1.0', 'tool 2.0'])
    expect(task.record.events).toContain('budget 5')
  })

  it('raised at the moment it is found used up is not waited for', async () => {
    const task = await world().begin({ turns: [['edit'], ['test']], budgetReachedAt: [2], hold: ['turn 2'] })
    await task.reached('turn 2')
    await task.raiseBudget(5)
    task.release('turn 2')
    await task.until('completed')
    expect(tools(task)).toEqual(['tool 1.0', 'tool 2.0'])
  })

  it('that is too small still is waited for again', async () => {
    const task = await world().begin({ understanding: ['budget-reached', 'budget-reached', 'understood'] })
    await task.until('awaiting_budget')
    await task.raiseBudget(5)
    await task.reached('understand 2')
    await task.until('awaiting_budget')
    await task.raiseBudget(6)
    await task.until('completed')
    expect(task.record.states.filter((state) => state === 'awaiting_budget')).toHaveLength(2)
  })
})

describe('time that passes', () => {
  it('reaches a deadline months away', async () => {
    const now = await world().env.currentTimeMs()
    const deadline = new Date(now + 100 * 86_400_000).toISOString()
    const task = await world().begin({ brief: { deadline }, understanding: [{ asks: 'Which?' }] })
    await task.until('awaiting_input')
    await world().env.sleep('99 days')
    expect(task.record.state).toBe('awaiting_input')
    await world().env.sleep('2 days')
    await task.until('expired')
  })

  it('leaves a paused task paused', async () => {
    const task = await world().begin({ hold: ['understand 1'] })
    await task.reached('understand 1')
    await task.pause()
    task.release('understand 1')
    await task.until('paused')
    await world().env.sleep('300 days')
    expect(task.record.state).toBe('paused')
    await task.resume()
    await task.until('completed')
  })
})
