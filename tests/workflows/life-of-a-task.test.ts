import { describe, expect, it } from 'vitest'
import { useWorld } from '../support/workflows/use-world.ts'

const world = useWorld()

describe('the way of a task', () => {
  it('leads through every stage to a verified delivery', async () => {
    const task = await world().begin({ turns: [['read_file', 'replace'], ['complete_task']] })
    expect(await task.ended()).toEqual({
      ...{ state: 'completed', verdict: 'passed', branch: `openclaw/${task.id}`, costUsd: 0.03 },
    })
    expect(task.record.states).toEqual([
      ...['received', 'understanding', 'queued', 'building', 'verifying', 'delivering', 'completed'],
    ])
  })

  it('is one model turn and one tool call at a time, in the order the model gave', async () => {
    const task = await world().begin({ turns: [['read_file', 'replace'], ['complete_task']] })
    await task.ended()
    expect(task.record.begun.map(({ name }) => name)).toEqual([
      ...['understand 1', 'seat 1', 'workspace', 'turn 1', 'tool 1.0', 'tool 1.1', 'turn 2', 'tool 2.0'],
      ...['verification 1', 'deliver', 'end'],
    ])
  })

  it('ends after the understanding when the model answers at once, without a Builder', async () => {
    const task = await world().begin({ understanding: [{ answers: 'It is 42.' }] })
    expect(await task.ended()).toEqual({ state: 'completed', verdict: 'not_run', costUsd: 0.01 })
    expect(task.record.states).toEqual(['received', 'understanding', 'completed'])
    expect(task.record.begun.map(({ name }) => name)).toEqual(['understand 1', 'end'])
  })

  it('delivers what could not be verified, and says so', async () => {
    const task = await world().begin({ verdicts: ['not_run'] })
    expect(await task.ended()).toMatchObject({ state: 'completed', verdict: 'not_run' })
  })
})

describe('understanding', () => {
  it('asks the requester when the request is unclear, and understands again with the answer', async () => {
    const task = await world().begin({ understanding: [{ asks: 'Which module?' }, 'understood'] })
    await task.until('awaiting_input')
    expect(task.record.waiting).toEqual({ for: 'input', question: 'Which module?' })
    expect(await task.say('The parser.')).toBe('answer')
    await task.ended()
    expect(task.record.states.slice(0, 5)).toEqual([
      ...['received', 'understanding', 'awaiting_input', 'understanding', 'queued'],
    ])
    expect(task.record.read['1']).toEqual(['The parser.'])
  })

  it('waits for a higher budget when the first one is used up already', async () => {
    const task = await world().begin({ understanding: ['budget-reached', 'understood'] })
    await task.until('awaiting_budget')
    await task.raiseBudget(2)
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    expect(task.record.states.slice(1, 5)).toEqual(['understanding', 'awaiting_budget', 'understanding', 'queued'])
  })
})

describe('repair', () => {
  it('gives a rejected delivery back to the Builder with the log', async () => {
    const task = await world().begin({ verdicts: ['failed', 'passed'] })
    expect(await task.ended()).toMatchObject({ state: 'completed', verdict: 'passed' })
    expect(task.record.states.slice(3)).toEqual([
      ...['building', 'verifying', 'building', 'verifying', 'delivering', 'completed'],
    ])
    expect(task.record.read['2']).toEqual(['log 1'])
  })

  it('keeps the seat: nothing queues twice', async () => {
    const task = await world().begin({ verdicts: ['failed', 'failed', 'passed'] })
    await task.ended()
    expect(new Set(task.record.finished.map(({ seat }) => seat))).toEqual(new Set([1]))
  })

  it('ends the task after three rejected deliveries, with the evidence', async () => {
    const task = await world().begin({ verdicts: ['failed', 'failed', 'failed'] })
    const { state, error } = await task.ended()
    expect(state).toBe('failed')
    expect(error).toMatch(/^verification_failed: The verifier rejected 3 deliveries\..*log 3$/s)
    expect(task.record.begun.filter(({ name }) => name.startsWith('verification'))).toHaveLength(3)
  })
})

describe('steering', () => {
  it('stands in the next turn', async () => {
    const task = await world().begin({ turns: [['run'], ['complete_task']], hold: ['tool 1.0'] })
    await task.reached('tool 1.0')
    expect(await task.say('Make it blue.')).toBe('steer')
    task.release('tool 1.0')
    await task.ended()
    expect(task.record.read).toMatchObject({ 1: [], 2: ['Make it blue.'] })
  })

  it('sends a task that is about to be verified back to the Builder', async () => {
    const task = await world().begin({ turns: [['complete_task']], hold: ['tool 1.0'] })
    await task.reached('tool 1.0')
    await task.say('Make it blue.')
    task.release('tool 1.0')
    await task.ended()
    expect(task.record.read['2']).toEqual(['Make it blue.'])
    expect(task.record.states.filter((state) => state === 'verifying')).toHaveLength(1)
  })

  it('is refused once the verifier has the work', async () => {
    const task = await world().begin({ hold: ['verification 1'] })
    await task.reached('verification 1')
    await expect(task.say('Too late.')).rejects.toMatchObject({ cause: { type: 'conflict' } })
    task.release('verification 1')
    expect(await task.ended()).toMatchObject({ state: 'completed' })
  })
})
