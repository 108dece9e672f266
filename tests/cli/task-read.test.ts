import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { TaskView } from '../../domain/schemas/task.ts'
import { problem, sampleTask, useRecordingGateway } from '../support/recording-gateway.ts'

const gateway = useRecordingGateway()
const show = (fields: Partial<TaskView>) => {
  gateway().on('GET /v1/tasks/task-01', { json: sampleTask(fields) })
  return gateway().ocg(['task', 'show', 'task-01'])
}

describe('ocg task list', () => {
  it('shows id, state, cost and title in columns, and how to go on', async () => {
    const items = [
      sampleTask(),
      sampleTask({ id: 'task-0200', state: 'completed', title: 'Second', cost: { ...sampleTask().cost, usd: 12.5 } }),
    ]
    gateway().on('GET /v1/tasks', { json: { items, nextCursor: 'c2' } })
    const { code, stdout } = await gateway().ocg(['task', 'list'])
    expect(code).toBe(0)
    expect(stdout).toBe(
      'task-01    queued     $0.0125   Fix the bucket\ntask-0200  completed  $12.5000  Second\nmore: --cursor c2\n',
    )
    expect(gateway().requests.map(({ line }) => line)).toEqual(['GET /v1/tasks?limit=20'])
  })

  it('passes every filter on, whatever characters it holds', async () => {
    gateway().on('GET /v1/tasks', { json: { items: [], nextCursor: null } })
    const words = ['--state', 'failed', '--kind', 'data', '--q', 'a&b=ü', '--limit', '5', '--cursor', 'x+/=']
    expect((await gateway().ocg(['task', 'list', ...words])).stdout).toBe('No tasks.\n')
    const query = new URL(gateway().requests[0]?.line.slice(4) ?? '', 'http://x').searchParams
    expect(Object.fromEntries(query)).toEqual({
      limit: '5',
      state: 'failed',
      kind: 'data',
      q: 'a&b=ü',
      cursor: 'x+/=',
    })
  })

  it('prints the page as it came with --json', async () => {
    const page = { items: [sampleTask()], nextCursor: null }
    gateway().on('GET /v1/tasks', { json: page })
    const answers = await Promise.all([
      gateway().ocg(['--json', 'task', 'list']),
      gateway().ocg(['task', 'list', '--json']),
    ])
    for (const { stdout } of answers) expect(JSON.parse(stdout)).toEqual(page)
    expect(gateway().requests.map(({ line }) => line)).toEqual(['GET /v1/tasks?limit=20', 'GET /v1/tasks?limit=20'])
  })
})

describe('ocg task show', () => {
  it('shows what a task waits for and which approval would let it go on', async () => {
    const { stdout } = await show({
      state: 'awaiting_approval',
      waiting: { for: 'approval', approvalId: 'apr-1', tool: 'run_shell_command' },
    })
    expect(stdout).toContain('state: awaiting_approval (waits for approval)\n')
    expect(stdout).toContain('approval: apr-1 for run_shell_command\n')
  })

  it('keeps an id that looks like a path out of the path', async () => {
    gateway().on('GET /v1/tasks/..%2Fkeys%3Fx', problem(404, 'not_found', 'There is no task ../keys?x.'))
    const { code, stderr } = await gateway().ocg(['task', 'show', '../keys?x'])
    expect([code, stderr]).toEqual([1, 'not_found: There is no task ../keys?x.\n'])
  })

  it('shows no character of a task that a terminal would act on', async () => {
    const evil = 'ok\u001b[2J\u001b]0;owned\u0007\r\u009b31m\u202edone\u2066'
    const { stdout } = await show({
      title: evil,
      progress: { turn: 1, maxTurns: 2, plan: [{ text: evil, status: 'pending' }], lastEvent: 'task-ended' },
      result: { summary: `first\n\tsecond ${evil}`, verdict: 'passed' },
      error: { code: 'internal', message: evil, retryable: false },
    })
    expect(stdout).toContain('first\n\tsecond ok')
    expect(stdout).not.toMatch(/[^\P{Cc}\n\t]|\p{Bidi_Control}/u)
  })
})

it('ocg task show says where the branch and its pull request are', async () => {
  const pullRequest = 'https://github.com/acme/web/pull/7'
  const result = {
    summary: 'Done.',
    verdict: 'passed',
    branch: 'openclaw/task-01',
    commit: 'c0ffee',
    pullRequest,
  } as const
  const { stdout } = await show({ state: 'completed', result })
  expect(stdout).toContain(`branch: openclaw/task-01 at c0ffee\npull request: ${pullRequest}\n`)
})

describe('ocg task diff', () => {
  /** A patch as git makes it of a file that is not UTF-8. */
  function latinPatch(folder: string): Buffer {
    const git = (...args: string[]) => execFileSync('git', args, { cwd: folder })
    mkdirSync(folder)
    git('init', '--quiet')
    writeFileSync(join(folder, 'umlaut.txt'), Buffer.from('gr\xfcn\r\n', 'latin1'))
    git('add', '.')
    writeFileSync(join(folder, 'umlaut.txt'), Buffer.from('gr\xfcner\r\n', 'latin1'))
    return git('diff')
  }

  it('prints the change byte for byte, so that git apply takes it', async () => {
    const folder = join(gateway().dataDirectory, 'repository')
    const patch = latinPatch(folder)
    execFileSync('git', ['checkout', '--quiet', '.'], { cwd: folder })
    gateway().on('GET /v1/tasks/task-01/patch', { text: patch })
    const applied = await gateway().shell(
      `cd "$DATA_DIR" && ocg task diff task-01 > change && cd repository && git apply ../change`,
    )
    expect(applied).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(readFileSync(join(folder, 'umlaut.txt'), 'latin1')).toBe('gr\xfcner\r\n')
  })

  it('prints nothing at all for an empty change', async () => {
    gateway().on('GET /v1/tasks/task-01/patch', { text: '' })
    expect(await gateway().ocg(['task', 'diff', 'task-01'])).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  it('prints 5 MB whole to a slow reader, and ends quietly when the reader leaves early', async () => {
    gateway().on('GET /v1/tasks/task-01/patch', { text: `+${'x'.repeat(99)}\n`.repeat(50_000) })
    const whole = await gateway().shell('ocg task diff task-01 | (sleep 1; wc -c)')
    expect(whole.stdout.trim()).toBe(String(101 * 50_000))
    const early = await gateway().shell('ocg task diff task-01 | head -c 10')
    expect(early).toMatchObject({ stdout: `+${'x'.repeat(9)}`, stderr: '' })
  })

  it('wraps the change in JSON when asked for', async () => {
    gateway().on('GET /v1/tasks/task-01/patch', { text: '+a\n' })
    expect(JSON.parse((await gateway().ocg(['task', 'diff', 'task-01', '--json'])).stdout)).toEqual({ patch: '+a\n' })
  })
})
