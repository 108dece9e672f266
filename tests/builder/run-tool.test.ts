import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { join } from 'node:path'
import type { MockActivityEnvironment } from '@temporalio/testing'
import pg from 'pg'
import { beforeEach, describe, expect, test } from 'vitest'
import { MAX_TOOL_OUTPUT_IN_PROMPT } from '../../domain/limits.ts'
import type { Fence } from '../../domain/ports/store.ts'
import { quietEnvironment, useBuilders, type TestBuilder } from '../support/builder.ts'
import { calls, runs, says, type Call } from '../support/scripted-model.ts'
import { eventTypes } from '../support/stored-task.ts'

const pool = useBuilders()
let builder: TestBuilder
beforeEach(() => void (builder = pool.builder()))

/** Plans calls in a turn. */
async function planned(fence: Fence, turn: number, ...all: readonly Call[]): Promise<void> {
  builder.model.will(calls(...all))
  await builder.run('takeTurn', { ...fence, turn })
}

const checkpointOf = async (taskId: string) => await pool.store.artifacts.checkpoint(taskId)
const inWorkspace = async (fence: Fence, path: string, by = builder) =>
  readFileSync(join((await by.workspaces.of(fence)).directory, path), 'utf8')

/** What the model is told of the calls of the last turn. */
async function responses(fence: Fence, turn: number): Promise<readonly unknown[]> {
  builder.model.will(says('Done.'))
  await builder.run('takeTurn', { ...fence, turn })
  const parts = builder.model.requests.at(-1)?.contents.at(-1)?.parts ?? []
  return parts.map((part) => part.functionResponse?.response)
}

describe('a call', () => {
  test('runs once however often it is asked for, and is one pair of events', async () => {
    const { fence } = await pool.task(builder)
    await planned(fence, 1, ['run_shell_command', { command: 'echo x >> log' }])
    for (let times = 0; times < 3; times++) await builder.run('runTool', { ...fence, turn: 1, position: 0 })
    expect(await inWorkspace(fence, 'log')).toBe('x\n')
    const types = await eventTypes(pool.store, fence.taskId)
    expect(types.filter((type) => type.startsWith('tool-'))).toEqual(['tool-called', 'tool-finished'])
  })

  test('that stands in the record alone is one pair of events too, whoever took its turn', async () => {
    const { fence } = await pool.task(builder)
    const plan = ['write_todos', { todos: [{ description: 'Read', status: 'completed' }] }] as const
    await planned(fence, 1, plan, plan)
    const successor = pool.builder()
    successor.seats.open(fence)
    for (const by of [builder, successor, builder])
      for (const position of [0, 1]) await by.run('runTool', { ...fence, turn: 1, position })
    const types = await eventTypes(pool.store, fence.taskId)
    const pair = ['tool-called', 'tool-finished']
    expect(types.filter((type) => type.startsWith('tool-'))).toEqual([...pair, ...pair])
    const { task } = await pool.store.tasks.work(fence.taskId)
    expect(task.progress.plan).toEqual([{ text: 'Read', status: 'completed' }])
    expect(await responses(fence, 2)).toEqual([{ output: 'Plan shown.' }, { output: 'Plan shown.' }])
  })

  test('tells the model and the watchers what came of it', async () => {
    const { fence } = await pool.task(builder)
    await planned(fence, 1, ['read_file', { file_path: 'README.md' }], ['read_file', {}], ['dance'])
    for (const position of [0, 1, 2]) await builder.run('runTool', { ...fence, turn: 1, position })
    const told = await responses(fence, 2)
    expect(told).toEqual([
      { output: 'Sums\n' },
      { error: expect.stringMatching(/^The arguments of read_file are wrong\. file_path: /) },
      { error: expect.stringMatching(/^There is no tool dance\./) },
    ])
    const events = await pool.store.tasks.events({ taskId: fence.taskId, after: 0, limit: 100 })
    const finished = events
      .filter(({ type }) => type === 'tool-finished')
      .map(({ data }) => [data['ok'], data['summary']])
    expect(finished.slice(0, 1)).toEqual([[true, 'README.md, 1 lines']])
    expect(finished.map(([ok]) => ok)).toEqual([true, false, false])
  })

  test('that the mode forbids is refused without running', async () => {
    const { fence } = await pool.task(builder, { constraints: { approvalMode: 'plan' } })
    await planned(fence, 1, ['write_file', { file_path: 'a', content: 'a' }])
    await builder.run('runTool', { ...fence, turn: 1, position: 0 })
    expect(await responses(fence, 2)).toEqual([{ error: expect.stringContaining('does not allow this call') }])
    expect(existsSync(join((await builder.workspaces.of(fence)).directory, 'a'))).toBe(false)
  })

  test('that a person must answer is opened and left open', async () => {
    const { fence } = await pool.task(builder)
    await planned(fence, 1, ['ask_user', { question: 'Why?' }])
    await builder.run('runTool', { ...fence, turn: 1, position: 0 })
    expect(await pool.store.conversations.call({ ...fence, turn: 1, position: 0 })).toMatchObject({ state: 'running' })
    expect((await eventTypes(pool.store, fence.taskId)).at(-1)).toBe('tool-called')
  })

  /** A command that was approved, with what happened to the stored call before it ran. */
  async function approved(change?: string): Promise<Fence> {
    const { fence } = await pool.task(builder, { constraints: { approvalMode: 'default' } })
    await planned(fence, 1, ['run_shell_command', { command: 'echo approved > a' }])
    const at = { taskId: fence.taskId, turn: 1, position: 0 }
    const { approvalId } = await pool.store.conversations.openApproval({ ...at, expiresAt: '2030-01-01T00:00:00Z' })
    const waiting = { for: 'approval', approvalId } as const
    await pool.store.tasks.move({ taskId: fence.taskId, to: 'awaiting_approval', change: { waiting } })
    await pool.store.conversations.decideApproval({ taskId: fence.taskId, approvalId, decision: 'approve', by: 'ada' })
    await pool.store.tasks.move({ taskId: fence.taskId, to: 'building' })
    const client = new pg.Client({ connectionString: pool.database })
    await client.connect()
    const changing = change === undefined ? '' : `update tool_call set ${change} where task_id = '${fence.taskId}'`
    await client.query(changing)
    await client.end()
    await builder.run('runTool', { ...fence, turn: 1, position: 0 })
    return fence
  }

  test.each([
    ['it was given', undefined],
    ['it was given, in whatever form its arguments are stored', `args = '{ "command" : "echo approved > a" }'`],
  ])('that an approval was asked for runs once %s', async (_, change) => {
    expect(await inWorkspace(await approved(change), 'a')).toBe('approved\n')
  })

  test.each([
    ['arguments are others', `args = '{"command":"echo other > a"}'`],
    ['arguments are more', `args = '{"command":"echo approved > a","dir_path":"."}'`],
    ['name is another', `name = 'write_file'`],
    ['hash is gone', 'approval_hash = null'],
  ])('whose %s than what was approved is not run', async (_, change) => {
    const fence = await approved(change)
    expect(await responses(fence, 2)).toEqual([{ error: expect.stringContaining('not the call that was approved') }])
    expect(existsSync(join((await builder.workspaces.of(fence)).directory, 'a'))).toBe(false)
  })

  test('shows the plan it wrote', async () => {
    const { fence } = await pool.task(builder)
    await planned(fence, 1, ['write_todos', { todos: [{ description: 'read', status: 'in_progress' }] }])
    await builder.run('runTool', { ...fence, turn: 1, position: 0 })
    const task = await pool.store.tasks.find(fence.taskId)
    expect(task?.progress.plan).toEqual([{ text: 'read', status: 'in_progress' }])
  })

  test('of which no file is needed makes no workspace', async () => {
    const { fence } = await pool.task(builder, { repository: undefined })
    await planned(fence, 1, ['write_todos', { todos: [] }], ['save_memory', { fact: 'x' }], ['dance'])
    for (const position of [0, 1, 2]) await builder.run('runTool', { ...fence, turn: 1, position })
    expect(existsSync(builder.folder)).toBe(false)
  })

  test('tells the model 16 KiB and keeps the whole, whatever bytes it is made of', async () => {
    const { fence } = await pool.task(builder)
    const command = String.raw`printf 'a\0b\377c\n'; seq 1 10000`
    await planned(fence, 1, ['run_shell_command', { command }])
    await builder.run('runTool', { ...fence, turn: 1, position: 0 })
    const entries = await pool.store.conversations.transcript(fence.taskId)
    const output = entries.find((entry) => entry['type'] === 'tool')?.['output']
    expect(output).toMatch(/^a.b\uFFFDc\n1\n2\n.*\n9999\n10000\nExit Code: 0$/s)
    const [told] = (await responses(fence, 2)) as [{ output: string }]
    expect(Buffer.byteLength(told.output)).toBeLessThan(MAX_TOOL_OUTPUT_IN_PROMPT + 100)
  })
})

describe('a checkpoint', () => {
  test.each([
    ['read', ['read_file', { file_path: 'README.md' }], false],
    ['searched', ['grep_search', { pattern: 'Sums' }], false],
    ['failed', ['replace', { file_path: 'sum.js', old_string: 'no', new_string: 'x' }], false],
    ['run without a change', ['run_shell_command', { command: 'cat *' }], false],
    [
      'changed only what is ignored',
      ['run_shell_command', { command: 'mkdir node_modules; touch node_modules/x' }],
      false,
    ],
    ['written', ['write_file', { file_path: 'a', content: 'a' }], true],
    ['replaced', ['replace', { file_path: 'sum.js', old_string: '-', new_string: '+' }], true],
    ['run with a change', ['run_shell_command', { command: 'rm README.md' }], true],
    ['run with a change although it failed', ['run_shell_command', { command: 'rm README.md; false' }], true],
  ] as readonly (readonly [string, Call, boolean])[])(
    'is taken of a workspace that was %s: %#',
    async (...[, call, taken]) => {
      const { fence } = await pool.task(builder)
      await planned(fence, 1, call)
      await builder.run('runTool', { ...fence, turn: 1, position: 0 })
      expect((await checkpointOf(fence.taskId)) !== undefined).toBe(taken)
    },
  )

  test('is not taken again of files that stayed as they are, and is when they go back to the base', async () => {
    const { fence } = await pool.task(builder)
    await builder.play(fence, 1, 'echo a > a')
    const first = await checkpointOf(fence.taskId)
    await builder.play(fence, 2, 'touch a')
    expect(await checkpointOf(fence.taskId)).toEqual(first)
    await builder.play(fence, 3, 'rm a')
    expect((await checkpointOf(fence.taskId))?.commit).not.toBe(first?.commit)
    const other = pool.builder()
    const next = await pool.reseat(fence, other)
    expect(existsSync(join((await other.workspaces.of(next)).directory, 'a'))).toBe(false)
  })

  test.each([
    ['a pipe where git reads', 'mkfifo .gitignore', 'rm .gitignore', '.gitignore is a pipe'],
    [
      'a folder nobody may enter',
      'mkdir closed && chmod 0 closed',
      'chmod 755 closed',
      "'./closed': Permission denied",
    ],
    ['a file no database holds', 'head -c 70000000 /dev/urandom > big', 'rm big', 'larger than 64 MiB'],
  ])('that cannot be taken because of %s is the model’s to put right', async (...[, command, remedy, why]) => {
    const { fence } = await pool.task(builder)
    await builder.play(fence, 1, `echo 1 > one; ${command}`)
    expect(await responses(fence, 2)).toEqual([{ output: 'Exit Code: 0', error: expect.stringContaining(why) }])
    expect(await checkpointOf(fence.taskId)).toBeUndefined()
    await builder.play(fence, 3, remedy)
    const other = pool.builder()
    const next = await pool.reseat(fence, other)
    expect(await inWorkspace(next, 'one', other)).toBe('1\n')
  })
})

describe('a call whose builder was lost', () => {
  const COMMAND = 'echo x >> log; touch begun; sleep 1'

  /** Begins a command and loses the seat in the middle of it. */
  async function lostInTheMiddle(end: (fence: Fence, environment: MockActivityEnvironment) => void) {
    const { fence } = await pool.task(builder)
    await builder.play(fence, 1, 'echo before > log')
    builder.model.will(runs(COMMAND))
    await builder.run('takeTurn', { ...fence, turn: 2 })
    const environment = quietEnvironment()
    const step = builder.run('runTool', { ...fence, turn: 2, position: 0 }, environment)
    const outcome = step.then(
      () => 'finished',
      (error: { code?: string; name: string }) => error.code ?? error.name,
    )
    const { directory } = await builder.workspaces.of(fence)
    while (!existsSync(join(directory, 'begun'))) await pause(10)
    end(fence, environment)
    return { fence, outcome: await outcome }
  }

  test.each([
    ['the seat ended', 'seat_lost', (fence: Fence) => builder.seats.close(fence)],
    [
      'the step was cancelled',
      'CancelledFailure',
      (_: Fence, environment: MockActivityEnvironment) => environment.cancel(),
    ],
  ])('because %s is repeated by the next on the files as they were before', async (...[, code, end]) => {
    const { fence, outcome } = await lostInTheMiddle(end)
    expect(outcome).toBe(code)
    const other = pool.builder()
    const next = await pool.reseat(fence, other)
    expect(await other.run('prepareWorkspace', next)).toEqual({ turn: 2, restored: true })
    await other.run('runTool', { ...next, turn: 2, position: 0 })
    expect(await inWorkspace(next, 'log', other)).toBe('before\nx\n')
    const types = await eventTypes(pool.store, fence.taskId)
    expect(types.filter((type) => type === 'tool-called' || type === 'tool-finished')).toEqual([
      ...['tool-called', 'tool-finished', 'tool-called', 'tool-finished'],
    ])
  })
})
