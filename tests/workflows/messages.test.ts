import { setTimeout as delay } from 'node:timers/promises'
import { WorkflowUpdateFailedError } from '@temporalio/client'
import { Worker } from '@temporalio/worker'
import { describe, expect, it } from 'vitest'
import {
  approveUpdate,
  messageReceivedSignal,
  pauseSignal,
  reprioritiseUpdate,
  resumeSignal,
  steerUpdate,
  takenQuery,
} from '../../workflows/messages.ts'
import { eventsOf } from '../support/workflows/histories.ts'
import type { RunningTask } from '../support/workflows/running-task.ts'
import { useWorld } from '../support/workflows/use-world.ts'
import { sharedBundle } from '../support/workflows/world.ts'

const world = useWorld()
const asks = { name: 'run_shell_command', decision: 'ask' } as const

describe('the status query', () => {
  it('tells state, builder and seat while the task runs, and the end afterwards', async () => {
    const task = await world().begin({ hold: ['turn 1'] })
    await task.reached('turn 1')
    expect(await task.status()).toEqual({
      ...{ state: 'building', builder: expect.stringMatching(/^b[12]$/), seat: 1, paused: false },
    })
    task.release('turn 1')
    await task.ended()
    expect(await task.status()).toEqual({ state: 'completed', builder: null, seat: 1, paused: false })
  })
})

describe('what was asked for with an id', () => {
  const taken = (task: RunningTask, requestId: string) => task.handle.query(takenQuery, requestId)

  it('is done once, and is known to be done, also when the task has ended', async () => {
    const task = await world().begin({ turns: [['edit'], ['test']], hold: ['turn 1'] })
    await task.reached('turn 1')
    expect(await taken(task, 'message-1')).toBe(false)
    await task.handle.signal(pauseSignal, { requestId: 'message-1' })
    await task.handle.signal(resumeSignal, { requestId: 'message-2' })
    await task.handle.signal(pauseSignal, { requestId: 'message-1' })
    expect(await task.status()).toMatchObject({ paused: false })
    const said = { args: [{ text: 'like this' }] as [{ text: string }], updateId: 'message-3' }
    await task.handle.executeUpdate(steerUpdate, said)
    task.release('turn 1')
    await task.ended()
    const answers: boolean[] = []
    // One after the other: of several that wait when a closed workflow leaves its worker's cache, all but one are lost.
    for (const id of ['message-1', 'message-2', 'message-3', 'message-4']) answers.push(await taken(task, id))
    expect(answers).toEqual([true, true, true, false])
  })
})

describe('an update', () => {
  it('answers only after the store has taken the change', async () => {
    const task = await world().begin({ hold: ['turn 1'] })
    await task.reached('turn 1')
    await task.reprioritise(5)
    expect(task.record.brief.priority).toBe(5)
    task.release('turn 1')
    await task.ended()
  })

  it.each([-7, 0, 1.5, 6, 99])('refuses the priority %s and changes nothing', async (priority) => {
    const task = await world().begin({ hold: ['turn 1'] })
    await task.reached('turn 1')
    const before = task.record.brief.priority
    await expect(task.reprioritise(priority)).rejects.toThrow(WorkflowUpdateFailedError)
    expect(task.record.brief.priority).toBe(before)
    task.release('turn 1')
    await task.ended()
  })

  it('that steers brings its file along by number, and is refused with anything else', async () => {
    const task = await world().begin({ hold: ['turn 1'] })
    await task.reached('turn 1')
    await task.say('like this', { attachment: 7 })
    expect([...task.record.attachments]).toEqual([7])
    await expect(task.say('like this', { attachment: 'a.png' as never })).rejects.toThrow(WorkflowUpdateFailedError)
    task.release('turn 1')
    await task.ended()
  })

  it('refused by the store comes back as a failure with the code, and harms nothing', async () => {
    const task = await world().begin({ turns: [[asks]] })
    await task.until('awaiting_approval')
    const refused = await task.approve('approval-5.5').catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(WorkflowUpdateFailedError)
    expect(refused).toMatchObject({ cause: { type: 'conflict', message: expect.stringContaining('approval-5.5') } })
    await task.approve('approval-1.0')
    expect(await task.ended()).toMatchObject({ state: 'completed' })
  })

  it('decides an approval once, however many press the button', async () => {
    const task = await world().begin({ turns: [[asks]], hold: ['tool 1.0'] })
    await task.until('awaiting_approval')
    const answers = await Promise.allSettled([1, 2, 3, 4].map(() => task.approve('approval-1.0')))
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    task.release('tool 1.0')
    await task.ended()
    expect(task.record.events.filter((event) => event.startsWith('approval-decided'))).toHaveLength(1)
  })

  it('sent again with its id has one effect and the same answer', async () => {
    const task = await world().begin({ turns: [[asks]], hold: ['tool 1.0'] })
    await task.until('awaiting_approval')
    const approval = { approvalId: 'approval-1.0', by: 'key:1' }
    await task.handle.executeUpdate(approveUpdate, { updateId: 'button-1', args: [approval] })
    await task.handle.executeUpdate(approveUpdate, { updateId: 'button-1', args: [approval] })
    task.release('tool 1.0')
    expect(await task.ended()).toMatchObject({ state: 'completed' })
  })

  it('in progress when the task ends is answered before the Manager closes', async () => {
    const task = await world().begin({ hold: ['turn 1'] })
    await task.reached('turn 1')
    const updates = [1, 2, 3].map((priority) =>
      task.handle.executeUpdate(reprioritiseUpdate, { args: [{ priority }] }).then(
        () => 'answered',
        () => 'too late',
      ),
    )
    await task.cancel()
    expect(await task.ended()).toMatchObject({ state: 'cancelled' })
    expect((await Promise.all(updates)).every((answer) => ['answered', 'too late'].includes(answer))).toBe(true)
    const events = await eventsOf(task.handle)
    const accepted = events.filter((event) => event.workflowExecutionUpdateAcceptedEventAttributes)
    const completed = events.filter((event) => event.workflowExecutionUpdateCompletedEventAttributes)
    expect(completed).toHaveLength(accepted.length)
  })

  it('to a task that has ended is refused', async () => {
    const task = await world().begin()
    await task.ended()
    await expect(task.reprioritise(1)).rejects.toMatchObject({ name: 'WorkflowNotFoundError' })
  })
})

describe('a signal', () => {
  it('that an answer waits in the store ends the wait for input', async () => {
    const task = await world().begin({ understanding: [{ asks: 'Which?' }, 'understood'] })
    await task.until('awaiting_input')
    await task.handle.signal(messageReceivedSignal, { kind: 'steer' })
    expect(task.record.state).toBe('awaiting_input')
    await task.handle.signal(messageReceivedSignal, { kind: 'answer' })
    expect(await task.ended()).toMatchObject({ state: 'completed' })
  })

  it('of a name the Manager does not know changes nothing', async () => {
    const task = await world().begin({ hold: ['turn 1'] })
    await task.reached('turn 1')
    await task.handle.signal('explode', { now: true })
    task.release('turn 1')
    expect(await task.ended()).toMatchObject({ state: 'completed' })
  })

  it('that arrives before the first step counts', async () => {
    const { client } = world()
    const task = await world().begin({ hold: ['understand 1'] })
    await client.workflow.getHandle(task.id).signal('cancel')
    expect(await task.ended()).toMatchObject({ state: 'cancelled' })
  })
})

describe('a Manager that is restarted in the middle', () => {
  it('replays a message that was taken while a step of its own was under way', async () => {
    const slow = (moment: string, step: string) => moment === 'before' && step === 'queueTask' && delay(300)
    const task = await world().begin({ hold: ['understand 1'], database: slow })
    await task.reached('understand 1')
    let answer: Promise<unknown> | undefined
    await world().restartManager(async () => {
      task.release('understand 1')
      answer = task.reprioritise(1)
      await expect.poll(() => task.completed('understandTask')).toBe(true)
    })
    await answer
    await task.ended()
    const workflowBundle = { codePath: await sharedBundle() }
    const history = await task.handle.fetchHistory()
    await expect(Worker.runReplayHistory({ workflowBundle }, history, task.id)).resolves.toBeUndefined()
  })

  it('goes on from its history as if nothing had been', async () => {
    const task = await world().begin({ turns: [['edit', 'test'], [asks]], verdicts: ['failed'] })
    await task.reached('tool 1.0')
    await world().restartManager(() => Promise.resolve())
    await task.until('awaiting_approval')
    await world().restartManager(() => Promise.resolve())
    await task.approve('approval-2.0')
    await task.reached('verification 1')
    await world().restartManager(() => Promise.resolve())
    expect(await task.ended()).toMatchObject({ state: 'completed', verdict: 'passed' })
    expect(task.record.seat).toBe(1)
    const effects = task.record.finished.map(({ name }) => name).filter((name) => /^(tool|verif|deliver)/.test(name))
    expect(effects).toEqual(['tool 1.0', 'tool 1.1', 'tool 2.0', 'verification 1', 'verification 2', 'deliver'])
  })
})
