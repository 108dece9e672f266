import { Worker } from '@temporalio/worker'
import { describe, expect, it } from 'vitest'
import { STICKY_TIMEOUT } from '../../workers/manager.ts'
import type { RunningTask } from '../support/workflows/running-task.ts'
import { useWorld } from '../support/workflows/use-world.ts'
import { sharedBundle } from '../support/workflows/world.ts'

/** With a shorter wait a busy machine takes the Manager for gone: see the decision `database-steps-are-activities`. */
const world = useWorld({ stickyTimeout: STICKY_TIMEOUT })
const asks = { name: 'run_shell_command', decision: 'ask' } as const

describe('tasks that are looked at while they are told things', () => {
  const TASKS = 24

  /** Every step is asked about in the moment it ends, by as many as look at a page at once. */
  async function curious(): Promise<readonly RunningTask[]> {
    let tasks: readonly RunningTask[] = []
    const told = (moment: string, step: string, { id }: { readonly id: string }) => {
      if (moment === 'before' || step === 'receiveMessage') return
      const task = tasks.find((one) => one.id === id)
      void task?.status().catch(() => undefined)
      void task?.say('Hurry.').catch(() => undefined)
    }
    const script = { hold: ['understand 1'], turns: [[asks]], database: told }
    tasks = await Promise.all(Array.from({ length: TASKS }, () => world().begin(script)))
    for (const task of tasks) task.release('understand 1')
    await Promise.all(
      tasks.map(async (task) => {
        await task.until('awaiting_approval')
        await task.approve('approval-1.0')
        await task.ended()
      }),
    )
    return tasks
  }

  it('leave histories that can be replayed', async () => {
    const workflowBundle = { codePath: await sharedBundle() }
    const refused: string[] = []
    for (const { handle, id } of await curious())
      await Worker.runReplayHistory({ workflowBundle }, await handle.fetchHistory(), id).catch((error: unknown) =>
        refused.push(`${id}: ${String(error)}`),
      )
    expect(refused).toEqual([])
  })
})
