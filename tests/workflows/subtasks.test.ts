import { describe, expect, it } from 'vitest'
import { GatewayError } from '../../domain/errors.ts'
import { isFinal } from '../../domain/task.ts'
import { cancelSignal } from '../../workflows/messages.ts'
import { during, type TaskScript } from '../support/workflows/task-script.ts'
import type { RunningTask } from '../support/workflows/running-task.ts'
import { useWorld } from '../support/workflows/use-world.ts'

const world = useWorld()

/** A task in parts, and the parts with their Managers under way. */
async function divided(...parts: TaskScript[]): Promise<{ whole: RunningTask; parts: RunningTask[] }> {
  const whole = await world().begin({ parts })
  return { whole, parts: await Promise.all(parts.map((_, index) => world().part(whole, index))) }
}

const held: TaskScript = { turns: [['edit']], hold: ['tool 1.0'] }
const seatsOf = (task: RunningTask) => world().builders.filter((builder) => builder.holds(task.id)).length

describe('a task with sub-tasks', () => {
  it('runs them side by side, merges them, and is verified and delivered once', async () => {
    const { whole, parts } = await divided(held, held)
    await Promise.all(parts.map((part) => part.reached('tool 1.0')))
    for (const part of parts) part.release('tool 1.0')
    expect(await whole.ended()).toMatchObject({ state: 'completed', verdict: 'passed' })
    expect(parts.map(({ record }) => record.state)).toEqual(['completed', 'completed'])
    expect(whole.record.finished.map(({ name }) => name)).toEqual(['merge', 'verification 1', 'deliver'])
    expect(whole.record.states).toEqual([
      ...['received', 'understanding', 'queued', 'building', 'verifying', 'delivering', 'completed'],
    ])
    expect(parts.flatMap(({ record }) => record.pushed)).toEqual([])
  })

  it('holds no seat while they run', async () => {
    const { whole, parts } = await divided(held, held)
    await Promise.all(parts.map((part) => part.reached('tool 1.0')))
    expect([seatsOf(whole), ...parts.map(seatsOf)]).toEqual([0, 1, 1])
    expect(await whole.status()).toMatchObject({ state: 'building', builder: null, seat: 0 })
    for (const part of parts) part.release('tool 1.0')
    await whole.ended()
  })
})

describe('what people say to a task with sub-tasks', () => {
  const asks: TaskScript = { turns: [[{ name: 'ask_user', kind: 'human' }, 'edit']] }
  const needsApproval: TaskScript = { turns: [[{ name: 'run_shell_command', decision: 'ask' }]] }

  it('cancel ends every part, and nothing of it is left', async () => {
    const { whole, parts } = await divided(held, asks)
    await parts[0]?.reached('tool 1.0')
    await whole.until('awaiting_input')
    await whole.cancel()
    expect(await whole.ended()).toMatchObject({ state: 'cancelled' })
    expect(parts.map(({ record }) => record.state)).toEqual(['cancelled', 'cancelled'])
    expect(await world().openAmong([whole, ...parts].map(({ id }) => id))).toEqual([])
    await expect.poll(() => [whole, ...parts].map(seatsOf)).toEqual([0, 0, 0])
  })

  it('cancel that comes before any part runs ends all of them, and none is started', async () => {
    const cancelled: TaskScript = {
      parts: [held, held],
      async database(moment, step, task) {
        if (moment !== 'after' || step !== 'openSubtasks') return
        await world().client.workflow.getHandle(task.id).signal(cancelSignal)
        // The parts stand in the store; the Manager hears of the cancel before it hears of them.
        await task.when(() => isFinal(task.state))
      },
    }
    const whole = await world().begin(cancelled)
    expect(await whole.ended()).toMatchObject({ state: 'cancelled' })
    expect(whole.record.subtasks.map(({ states }) => states)).toEqual([1, 2].map(() => ['received', 'cancelled']))
    const { events } = await whole.handle.fetchHistory()
    expect(events?.filter((event) => event.startChildWorkflowExecutionInitiatedEventAttributes)).toEqual([])
  })

  it('reaches the part that waits: questions and approvals are shown one after another', async () => {
    const { whole, parts } = await divided(asks, needsApproval)
    await Promise.all([parts[0]?.until('awaiting_input'), parts[1]?.until('awaiting_approval')])
    const answers = {
      awaiting_input: () => whole.say('Green.'),
      awaiting_approval: () => whole.approve('approval-2.1.0'),
    }
    for (let answered = 0; answered < 2; answered++) {
      await whole.record.when(() => whole.record.state.startsWith('awaiting'))
      const state = whole.record.state as keyof typeof answers
      await answers[state]()
      await whole.record.when(() => whole.record.state !== state)
    }
    expect(await whole.ended()).toMatchObject({ state: 'completed' })
    expect(whole.record.events).toEqual(expect.arrayContaining(['input-requested', 'approval-requested']))
    expect(parts.map(({ record }) => record.finished.map(({ name }) => name))).toEqual([
      expect.arrayContaining(['tool 1.0', 'tool 1.1']),
      expect.arrayContaining(['tool 1.0']),
    ])
  })

  it('a budget raised there lets the parts that wait for it go on', async () => {
    const { whole, parts } = await divided({ ...held, budgetReachedAt: [1] }, { budgetReachedAt: [1] })
    await Promise.all(parts.map((part) => part.until('awaiting_budget')))
    await whole.until('awaiting_budget')
    parts[0]?.release('tool 1.0')
    await whole.raiseBudget(5)
    expect(await whole.ended()).toMatchObject({ state: 'completed' })
  })

  it('pause and resume hold and free every part', async () => {
    const part: TaskScript = { turns: [['edit'], ['test']], hold: ['tool 1.0'] }
    const { whole, parts } = await divided(part, part)
    await Promise.all(parts.map((part) => part.reached('tool 1.0')))
    await whole.pause()
    for (const task of parts) await task.interrupted()
    for (const { record } of parts) record.release('tool 1.0')
    await Promise.all([whole, ...parts].map((task) => task.until('paused')))
    await whole.resume()
    expect(await whole.ended()).toMatchObject({ state: 'completed' })
    expect(whole.record.states.filter((state) => state === 'paused')).toHaveLength(1)
  })

  it('pause and resume at once reach a part one after the other, as they were said', async () => {
    const { whole, parts } = await divided(held)
    await parts[0]?.reached('tool 1.0')
    await world().restartManager(async () => {
      await whole.pause()
      await whole.resume()
    })
    await expect.poll(async () => (await whole.signalsSent()).length).toBe(4)
    expect(await whole.signalsSent()).toEqual(['pause sent', 'pause delivered', 'resume sent', 'resume delivered'])
    parts[0]?.release('tool 1.0')
    expect(await whole.ended()).toMatchObject({ state: 'completed' })
  })

  it('a steer stands in the next turn of every part, and not again in the whole', async () => {
    const part: TaskScript = { turns: [['edit'], ['test']], hold: ['tool 1.0'] }
    const { whole, parts } = await divided(part, part)
    await Promise.all(parts.map((part) => part.reached('tool 1.0')))
    expect(await whole.say('Keep it short.')).toBe('steer')
    for (const { record } of parts) record.release('tool 1.0')
    expect(await whole.ended()).toMatchObject({ state: 'completed' })
    expect(parts.map(({ record }) => record.read['2'])).toEqual([['Keep it short.'], ['Keep it short.']])
    expect(whole.record.finished.map(({ name }) => name)).toEqual(['merge', 'verification 1', 'deliver'])
  })

  it('a new priority is that of every part', async () => {
    const { whole, parts } = await divided(held, held)
    await Promise.all(parts.map((part) => part.reached('tool 1.0')))
    await whole.reprioritise(1)
    await Promise.all(parts.map(({ record }) => record.when(() => record.brief.priority === 1)))
    for (const { record } of parts) record.release('tool 1.0')
    expect(await whole.ended()).toMatchObject({ state: 'completed' })
  })
})

describe('parts that do not end well', () => {
  const refuse = () => {
    throw new GatewayError('model_blocked', 'The model refused to answer.')
  }
  const fails: TaskScript = { during: during('turn 1', refuse) }

  it('leave their work to the Builder of the whole', async () => {
    const { whole, parts } = await divided({}, fails)
    expect(await whole.ended()).toMatchObject({ state: 'completed' })
    expect(parts.map(({ record }) => record.state)).toEqual(['completed', 'failed'])
    expect(whole.record.finished.map(({ name }) => name)).toEqual([
      ...['merge', 'workspace', 'turn 1', 'verification 1', 'deliver'],
    ])
  })

  it('leave what they were told to the Builder of the whole: steers and answers', async () => {
    const turns: TaskScript['turns'] = [[{ name: 'ask_user', kind: 'human' }, 'edit'], []]
    const { whole, parts } = await divided({}, { turns, hold: ['tool 1.1'], during: during('turn 2', refuse) })
    await parts[0]?.until('completed')
    await whole.until('awaiting_input')
    expect(await whole.say('Green.')).toBe('answer')
    await parts[1]?.reached('tool 1.1')
    expect(await whole.say('Keep it short.')).toBe('steer')
    parts[1]?.release('tool 1.1')
    expect(await whole.ended()).toMatchObject({ state: 'completed' })
    expect(parts[1]?.record.state).toBe('failed')
    expect(whole.record.read['1']).toEqual(['Asked "Which colour?", the requester answered: Green.', 'Keep it short.'])
  })

  it('fail the whole with their reason when none is done', async () => {
    const { whole } = await divided(fails, fails)
    const { state, error } = await whole.ended()
    expect([state, error]).toEqual(['failed', expect.stringContaining('model_blocked: All 2 sub-tasks failed.')])
    expect(whole.record.seat).toBe(0)
  })

  it('that were ended in Temporal count as failed', async () => {
    const { whole, parts } = await divided({}, held)
    await parts[1]?.reached('tool 1.0')
    await parts[1]?.handle.terminate('by hand')
    expect(await whole.ended()).toMatchObject({ state: 'completed' })
    expect(whole.record.finished.map(({ name }) => name)).toContain('turn 1')
  })

  it('that conflict are put together by a Builder run before the verification', async () => {
    const whole = await world().begin({ parts: [{}, {}], conflicts: true })
    expect(await whole.ended()).toMatchObject({ state: 'completed' })
    expect(whole.record.finished.map(({ name }) => name)).toEqual([
      ...['merge', 'workspace', 'turn 1', 'verification 1', 'deliver'],
    ])
  })

  it('whose sum the verifier rejects are repaired by a Builder run', async () => {
    const whole = await world().begin({ parts: [{}, {}], verdicts: ['failed'] })
    expect(await whole.ended()).toMatchObject({ state: 'completed' })
    expect(whole.record.finished.map(({ name }) => name)).toEqual([
      ...['merge', 'verification 1', 'workspace', 'turn 1', 'verification 2', 'deliver'],
    ])
    expect(whole.record.read['1']).toEqual(['log 1'])
  })
})

describe('the Managers of a task in parts', () => {
  it('go on after a restart as if nothing had happened', async () => {
    const { whole, parts } = await divided(held, { turns: [[{ name: 'ask_user', kind: 'human' }]] })
    await parts[0]?.reached('tool 1.0')
    await whole.until('awaiting_input')
    await world().restartManager(() => Promise.resolve(parts[0]?.release('tool 1.0')))
    await whole.say('Green.')
    expect(await whole.ended()).toMatchObject({ state: 'completed' })
    expect(whole.record.subtasks).toHaveLength(2)
  })

  it('find each other in Temporal: parts know their whole, and end with it', async () => {
    const { whole, parts } = await divided(held, held)
    await Promise.all(parts.map((part) => part.reached('tool 1.0')))
    const { memo, parentExecution } = (await parts[0]?.handle.describe()) ?? {}
    expect([memo, parentExecution?.workflowId]).toEqual([{ parent: whole.id }, whole.id])
    await whole.handle.terminate('by hand')
    await Promise.all(parts.map((part) => part.until('cancelled')))
  })
})
