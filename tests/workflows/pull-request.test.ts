import { describe, expect, it } from 'vitest'
import { GatewayError } from '../../domain/errors.ts'
import { seatLostSignal } from '../../workflows/messages.ts'
import type { FakeTask } from '../support/workflows/fake-task.ts'
import { during, type Step } from '../support/workflows/task-script.ts'
import { useWorld } from '../support/workflows/use-world.ts'

const world = useWorld()

const refusing = (times?: number) =>
  during(
    'pull request',
    () => {
      throw new GatewayError('forge_refused', 'The forge answered 401. Put a valid token into the credentialFile.')
    },
    times,
  )
const away = (times?: number) =>
  during(
    'pull request',
    () => {
      throw new GatewayError('forge_unreachable', 'The forge did not answer.', { retryable: true, retryAfterMs: 50 })
    },
    times,
  )

/** The builder of a step is gone before it answers. */
async function lose({ builder }: Step, { id }: FakeTask): Promise<never> {
  await world().client.workflow.getHandle(id).signal(seatLostSignal, { builder, reason: 'its process exited' })
  return new Promise(() => undefined)
}

describe('a delivery to a repository with a forge', () => {
  it('opens a pull request after the push, and the result says where', async () => {
    const task = await world().begin({ turns: [['edit']], forge: true })
    const outcome = await task.ended()
    expect(outcome).toMatchObject({ state: 'completed', pullRequest: 'https://forge.example/pull/1' })
    expect(task.record.begun.slice(-3).map(({ name }) => name)).toEqual(['deliver', 'pull request', 'end'])
    expect(task.record.result?.pullRequest).toBe('https://forge.example/pull/1')
  })

  it('without a forge ends after the push', async () => {
    const task = await world().begin({ turns: [['edit']] })
    expect(await task.ended()).not.toHaveProperty('pullRequest')
    expect(task.record.begun.map(({ name }) => name)).not.toContain('pull request')
  })

  it('waits for a forge that is away for a while, on the same seat', async () => {
    const task = await world().begin({ turns: [['edit']], forge: true, during: away(3) })
    expect(await task.ended()).toMatchObject({ pullRequest: 'https://forge.example/pull/1' })
    expect([task.record.seat, task.record.pullRequests]).toEqual([1, [`openclaw/${task.id}`]])
  })

  it('whose builder dies after the forge took it opens no second one', async () => {
    const task = await world().begin({
      turns: [['edit']],
      forge: true,
      after: (step, record) => (step.name === 'pull request' && step.seat === 1 ? lose(step, record) : undefined),
    })
    expect(await task.ended()).toMatchObject({ state: 'completed', pullRequest: 'https://forge.example/pull/1' })
    expect([task.record.seat, task.record.pullRequests]).toEqual([2, [`openclaw/${task.id}`]])
  })
})

describe('what was verified and pushed stays', () => {
  it('when the forge refuses: after one try the task is completed, and its summary says why', async () => {
    const task = await world().begin({ turns: [['edit']], forge: true, during: refusing() })
    expect(await task.ended()).toMatchObject({ state: 'completed', verdict: 'passed', branch: `openclaw/${task.id}` })
    expect(task.record.begun.filter(({ name }) => name === 'pull request')).toHaveLength(1)
    expect(task.record.result?.pullRequest).toBeUndefined()
    expect(task.record.result?.summary).toBe(
      `Done.\n\nThe branch openclaw/${task.id} has no pull request: The forge answered 401. Put a valid token into the credentialFile.`,
    )
  })

  it('when the forge stays away for eight tries', async () => {
    const task = await world().begin({ turns: [['edit']], forge: true, during: away() })
    expect(await task.ended()).toMatchObject({ state: 'completed', verdict: 'passed' })
    expect(task.record.begun.filter(({ name }) => name === 'pull request')).toHaveLength(8)
    expect(task.record.result?.summary).toContain('has no pull request: The forge did not answer.')
  })

  it('when three builders in a row are lost at the step', async () => {
    const task = await world().begin({ turns: [['edit']], forge: true, during: during('pull request', lose) })
    expect(await task.ended()).toMatchObject({ state: 'completed', verdict: 'passed' })
    expect(task.record.result?.summary).toMatch(/has no pull request: 3 builders in a row were lost at the same step/)
  })
})
