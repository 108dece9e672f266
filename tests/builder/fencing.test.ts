import pg from 'pg'
import { beforeEach, describe, expect, test } from 'vitest'
import type { BuilderActivities } from '../../domain/contracts.ts'
import type { Fence } from '../../domain/ports/store.ts'
import { useBuilders, type Given, type TestBuilder } from '../support/builder.ts'
import { answer, runs } from '../support/scripted-model.ts'

const pool = useBuilders()
/** Thinks it holds seat 1 whatever the store says: a process that was frozen and goes on. */
let zombie: TestBuilder
beforeEach(() => void (zombie = pool.builder()))

const acceptance = { commands: ['test -e fixed'] }
const TABLES = ['task', 'event', 'turn', 'tool_call', 'message', 'checkpoint', 'delivery', 'receipt', 'model_call']

/** Every row of a task, as text. */
async function rowsOf(taskId: string, tables = TABLES): Promise<string> {
  const client = new pg.Client({ connectionString: pool.database })
  await client.connect()
  const rows: string[] = []
  for (const table of tables) {
    const key = table === 'task' ? 'id' : 'task_id'
    const found = await client.query<{ row: string }>(
      `select t::text as row from ${table} t where ${key} = $1 order by 1`,
      [taskId],
    )
    rows.push(`${table}:`, ...found.rows.map(({ row }) => row))
  }
  await client.end()
  return rows.join('\n')
}

/** A task with a verified change and a second turn that plans a command. */
async function workBegun(command = 'touch again'): Promise<Given & { readonly commit: string }> {
  const given = await pool.task(zombie, { acceptance })
  await zombie.play(given.fence, 1, 'touch fixed')
  const { commit } = await zombie.run('verifyDelivery', { ...given.fence, attempt: 1, at: 0 })
  zombie.model.will(runs(command))
  await zombie.run('takeTurn', { ...given.fence, turn: 2 })
  return { ...given, commit }
}

type Steps = Omit<BuilderActivities, 'releaseSeat'>
const STEPS: { readonly [Name in keyof Steps]: (fence: Fence, commit: string) => Parameters<Steps[Name]>[0] } = {
  prepareWorkspace: (fence) => fence,
  mergeSubtasks: (fence) => fence,
  takeTurn: (fence) => ({ ...fence, turn: 3 }),
  runTool: (fence) => ({ ...fence, turn: 2, position: 0 }),
  verifyDelivery: (fence) => ({ ...fence, attempt: 2, at: 0 }),
  publishDelivery: (fence, commit) => ({ ...fence, commit, verdict: 'passed' }),
  openPullRequest: (fence) => ({ ...fence, branch: `openclaw/${fence.taskId}` }),
}
const NAMES = Object.keys(STEPS) as (keyof Steps)[]

/** How a step came out: its code, or that it went through. */
const outcomeOf = (step: Promise<unknown>): Promise<string> =>
  step.then(
    () => 'nothing to do',
    (error: { code?: string; message: string }) => error.code ?? error.message,
  )

describe('a builder whose seat was given to another', () => {
  const ends: Readonly<Record<string, (fence: Fence) => Promise<unknown>>> = {
    'was given to another': (fence) => pool.reseat(fence, pool.builder()),
    'ended with its task': ({ taskId }) =>
      pool.store.tasks.move({ taskId, to: 'cancelled', events: [{ type: 'task-ended' }] }),
  }
  const cases = Object.keys(ends).flatMap((how) => NAMES.map((name) => [name, how] as const))

  test.each(cases)('changes nothing by %s when its seat %s', async (name, how) => {
    const { fence, upstream, commit } = await workBegun()
    await ends[how]?.(fence)
    const before = await rowsOf(fence.taskId)
    const outcome = await outcomeOf(zombie.run(name, STEPS[name](fence, commit)))
    // Files that were cloned before are there: that is all this step had to see to.
    expect(outcome).toBe(name === 'prepareWorkspace' ? 'nothing to do' : 'seat_lost')
    expect(await rowsOf(fence.taskId)).toBe(before)
    expect(upstream.updates()).toEqual([])
    expect(zombie.model.requests).toHaveLength(2)
  })

  test.each(NAMES)('does not even begin %s on a seat it gave back', async (name) => {
    const { fence } = await workBegun()
    zombie.seats.close(fence)
    const message = `This builder does not hold seat 1 of ${fence.taskId}.`
    const step = zombie.run(name, STEPS[name](fence, fence.taskId))
    await expect(step).rejects.toMatchObject({ code: 'seat_lost', message })
  })
})

describe('a seat that is given to another in the middle of a step', () => {
  test('keeps of a late answer only what it cost', async () => {
    const { fence } = await workBegun()
    await zombie.run('runTool', { ...fence, turn: 2, position: 0 })
    zombie.model.will(async () => {
      await pool.reseat(fence, pool.builder())
      return runs('touch late')
    })
    await expect(zombie.run('takeTurn', { ...fence, turn: 3 })).rejects.toMatchObject({ code: 'seat_lost' })
    const task = await pool.store.tasks.find(fence.taskId)
    expect(task?.cost).toMatchObject({ modelCalls: 3, usd: 0.00336 })
    expect(await pool.store.conversations.nextTurn(fence.taskId)).toBe(3)
    expect(await rowsOf(fence.taskId, ['tool_call'])).not.toContain('late')
  })

  test('keeps of a late answer that cannot be used what it cost, too', async () => {
    const { fence } = await pool.task(zombie)
    zombie.model.will(async () => {
      await pool.reseat(fence, pool.builder())
      return answer([], { finishReason: 'SAFETY' })
    })
    await expect(zombie.run('takeTurn', { ...fence, turn: 1 })).rejects.toMatchObject({ code: 'model_blocked' })
    expect((await pool.store.tasks.find(fence.taskId))?.cost).toMatchObject({ modelCalls: 1 })
  })

  test.each([
    ['the result of a tool', 'runTool', ['task', 'event', 'tool_call', 'checkpoint']],
    ['a receipt', 'verifyDelivery', ['task', 'event', 'receipt']],
  ] as const)('keeps not %s', async (...[, name, tables]) => {
    const { fence } = await workBegun('sleep 0.5; touch late')
    await pool.store.tasks.note({ taskId: fence.taskId })
    const reseated = async () => {
      await new Promise((resolve) => setTimeout(resolve, 250))
      await pool.reseat(fence, pool.builder())
      return rowsOf(fence.taskId, [...tables])
    }
    const slow = zombie.slowedDown(700)
    slow.seats.open(fence)
    const [outcome, before] = await Promise.allSettled([
      (name === 'runTool' ? zombie : slow).run(name, STEPS[name](fence, '') as never),
      reseated(),
    ])
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'seat_lost' } })
    expect(await rowsOf(fence.taskId, [...tables])).toBe((before as PromiseFulfilledResult<string>).value)
  })

  test('says nothing of a workspace that was restored too late', async () => {
    const { fence } = await workBegun()
    const late = pool.builder()
    const second = await pool.reseat(fence, late)
    await late.workspaces.of(second)
    await pool.reseat(second, pool.builder())
    const before = await rowsOf(fence.taskId)
    await expect(late.run('prepareWorkspace', second)).rejects.toMatchObject({ code: 'seat_lost' })
    expect(await rowsOf(fence.taskId)).toBe(before)
  })
})
