import { ApplicationFailure } from '@temporalio/common'
import { describe, expect, it } from 'vitest'
import { GatewayError, type ErrorCode } from '../../domain/errors.ts'
import { seatLostSignal } from '../../workflows/messages.ts'
import { during } from '../support/workflows/task-script.ts'
import { useWorld } from '../support/workflows/use-world.ts'

const world = useWorld()

/** Throws what the activities of the product throw, a number of times. */
const failing = (step: string, error: () => Error, times?: number) =>
  during(
    step,
    () => {
      throw error()
    },
    times,
  )
const overloaded = () =>
  new GatewayError('model_overloaded', 'The model is overloaded.', { retryable: true, retryAfterMs: 50 })
const final = (code: ErrorCode) => () => new GatewayError(code, `It is ${code}.`)
const unknown = () => new Error('ECONNRESET')

describe.concurrent('trouble of the model', () => {
  it.each(['understand 1', 'turn 1'])('at "%s" is waited out on the same seat', async (step) => {
    const task = await world().begin({ during: failing(step, overloaded, 3) })
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    expect(task.record.begun.filter(({ name }) => name === step).map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4])
    expect(task.record.seat).toBe(1)
  })

  it.each(['understand 1', 'turn 1'])(
    'at "%s" that lasts for eight tries ends the task with its code',
    async (step) => {
      const task = await world().begin({ during: failing(step, overloaded) })
      const { state, error } = await task.ended()
      expect([state, error]).toEqual(['failed', 'model_overloaded: The model is overloaded.'])
      expect(task.record.begun.filter(({ name }) => name === step)).toHaveLength(8)
    },
  )
})

describe('trouble of the remote repository', () => {
  const away = () =>
    new GatewayError('repository_unreachable', 'The remote hung up.', { retryable: true, retryAfterMs: 50 })

  it.each(['workspace', 'deliver'])('at "%s" is waited out on the same seat, without a second effect', async (step) => {
    const task = await world().begin({ turns: [['edit']], during: failing(step, away, 3) })
    expect(await task.ended()).toMatchObject({ state: 'completed', verdict: 'passed' })
    expect(task.record.begun.filter(({ name }) => name === step).map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4])
    expect([task.record.seat, task.record.pushed]).toEqual([1, ['c1']])
  })

  it.each(['workspace', 'deliver'])('at "%s" that lasts for eight tries ends the task with its code', async (step) => {
    const task = await world().begin({ during: failing(step, away) })
    const { state, error } = await task.ended()
    expect([state, error]).toEqual(['failed', 'repository_unreachable: The remote hung up.'])
    expect(task.record.begun.filter(({ name }) => name === step)).toHaveLength(8)
  })

  it('between two tries of a push, a lost seat moves it to the next one', async () => {
    const lost = during('deliver', async ({ builder, attempt }, { id }) => {
      if (attempt > 2) return
      const gone = { builder, reason: 'its process exited' }
      if (attempt === 2) await world().client.workflow.getHandle(id).signal(seatLostSignal, gone)
      throw away()
    })
    const task = await world().begin({ during: (step, record) => step.seat === 1 && lost(step, record) })
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    const tries = task.record.begun.filter(({ name }) => name === 'deliver')
    expect(tries.map(({ seat, attempt }) => [seat, attempt])).toEqual([
      [1, 1],
      [1, 2],
      [2, 1],
    ])
    expect(task.record.pushed).toEqual(['c1'])
  })
})

describe('a failure with a code that is final', () => {
  it.each([
    ['understand 1', 'model_not_configured'],
    ['workspace', 'repository_not_found'],
    ['turn 1', 'max_turns'],
    ['turn 1', 'model_blocked'],
    ['tool 1.0', 'workspace_refused'],
    ['verification 1', 'sandbox_unavailable'],
    ['deliver', 'repository_unreachable'],
  ] as const)('at "%s" ends the task as failed with %s, after one try', async (step, code) => {
    const task = await world().begin({ turns: [['edit']], during: failing(step, final(code)) })
    const { state, error } = await task.ended()
    expect([state, error]).toEqual(['failed', `${code}: It is ${code}.`])
    expect(task.record.begun.filter(({ name }) => name === step)).toHaveLength(1)
    expect(task.record.events.at(-1)).toBe(`task-ended ${code}`)
    await expect.poll(() => world().builders.some((builder) => builder.holds(task.id)), { timeout: 3_000 }).toBe(false)
  })
})

describe('an error without a name', () => {
  it.each(['workspace', 'turn 1', 'tool 1.0', 'verification 1', 'deliver'])(
    'at "%s" moves the work to another seat',
    async (step) => {
      const task = await world().begin({ turns: [['edit']], during: failing(step, unknown, 1) })
      expect(await task.ended()).toMatchObject({ state: 'completed', verdict: 'passed' })
      const tries = task.record.begun.filter(({ name }) => name === step)
      expect(tries.map(({ seat, attempt }) => [seat, attempt])).toEqual([
        [1, 1],
        [2, 1],
      ])
    },
  )

  it('in the understanding is tried again a few times', async () => {
    const task = await world().begin({ during: failing('understand 1', unknown, 1) })
    expect(await task.ended()).toMatchObject({ state: 'completed' })
  })
})

describe('a database that is away', () => {
  it('is waited for by the end of a task: it ends once, when the database is back', async () => {
    const task = await world().begin({ during: failing('end', unknown, 3) })
    expect(await task.ended()).toMatchObject({ state: 'completed' })
    expect(task.record.ends).toBe(1)
    expect(task.record.begun.filter(({ name }) => name === 'end')).toHaveLength(4)
  })
})

describe('ending a task', () => {
  it('that the sweeper has ended already keeps that end', async () => {
    const task = await world().begin({ hold: ['verification 1'] })
    await task.reached('verification 1')
    task.record.move('failed', 'task-ended terminated')
    task.release('verification 1')
    expect(await task.ended()).toMatchObject({ state: 'failed' })
    expect(task.record.ends).toBe(1)
    expect(task.record.events.filter((event) => event.startsWith('task-ended'))).toEqual(['task-ended terminated'])
  })

  it('leaves nothing running: the Builder run ends with it', async () => {
    const task = await world().begin({ turns: [['edit']], hold: ['tool 1.0'] })
    await task.reached('tool 1.0')
    await task.cancel()
    await task.ended()
    const run = world().client.workflow.getHandle(`build-${task.id}-1`)
    await expect.poll(async () => (await run.describe()).status.name, { timeout: 5_000 }).not.toBe('RUNNING')
  })

  it('terminated in Temporal ends the Builder run, and gives the seat back', async () => {
    const task = await world().begin({ turns: [['edit']], hold: ['tool 1.0'] })
    await task.reached('tool 1.0')
    await task.handle.terminate('operator')
    const run = world().client.workflow.getHandle(`build-${task.id}-1`)
    await expect.poll(async () => (await run.describe()).status.name, { timeout: 5_000 }).toBe('TERMINATED')
    await expect.poll(() => world().builders.some((builder) => builder.holds(task.id)), { timeout: 5_000 }).toBe(false)
  })
})

describe('a failure no code knows', () => {
  it('keeps its type as code, so that no reason is lost', async () => {
    const task = await world().begin({
      during: failing('tool 1.0', () => ApplicationFailure.nonRetryable('Odd.', 'odd_thing')),
      turns: [['edit']],
    })
    expect(await task.ended()).toMatchObject({ state: 'failed', error: 'odd_thing: Odd.' })
  })
})
