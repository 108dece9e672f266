import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { ForgeKind } from '../../simulators/forge/problems.ts'
import { startForgeSimulator } from '../../simulators/forge/server.ts'

const execute = promisify(execFile)
const token = 'ghp_test'

async function stage(kind: ForgeKind = 'github') {
  const root = mkdtempSync(join(tmpdir(), 'forge-test-'))
  const ledgerFile = join(root, 'calls.jsonl')
  const simulator = await startForgeSimulator({ kind, token, ledgerFile })
  onTestFinished(async () => {
    await simulator.close()
    rmSync(root, { recursive: true })
  })
  const web = simulator.createRepository('web')
  const repository = `${simulator.apiUrl}/repos/acme/web`
  /** Status and body of a call with the token. */
  async function call(path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}) {
    const response = await fetch(`${repository}${path}`, {
      headers: { authorization: `Bearer ${token}`, ...headers },
      ...(body !== undefined && { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  /** Git as a client; never synchronous, as the forge lives in this process. */
  async function git(...args: readonly string[]): Promise<string> {
    const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com']
    const env = { PATH: process.env['PATH'], HOME: root, GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_NOSYSTEM: '1' }
    return (await execute('git', [...identity, ...args], { cwd: root, env })).stdout
  }
  const addressWith = (password: string) => simulator.cloneUrl('web').replace('//', `//x-access-token:${password}@`)
  /** Pushes `task` with a commit of its own. */
  async function push(): Promise<void> {
    await git('clone', '--quiet', addressWith(token), 'work')
    await git('-C', 'work', 'commit', '--quiet', '--allow-empty', '-m', 'Fix')
    await git('-C', 'work', 'push', '--quiet', 'origin', 'HEAD:refs/heads/task')
  }
  return { simulator, web, call, git, push, addressWith, ledgerFile }
}

const wanted = { title: 'Fix', head: 'task', base: 'main', body: 'It does.' }

describe('git over HTTP', () => {
  test('clones and pushes with the token, and notes what a push moved', async () => {
    const { web, push } = await stage()
    await push()
    expect(web.updates()).toEqual([`${'0'.repeat(40)} ${web.commitOf('task')} refs/heads/task`])
  })

  test.each(['wrong', ''])('refuses the password %j', async (password) => {
    const { git, addressWith, simulator } = await stage()
    await expect(git('clone', '--quiet', addressWith(password), 'work')).rejects.toThrow(
      /Authentication failed|could not read/,
    )
    expect(simulator.ledger.calls.every(({ status }) => status === 401)).toBe(true)
  })
})

describe('the REST API', () => {
  test('opens a pull request of a pushed branch, lists it by head, and keeps a second one out', async () => {
    const { call, push, web, simulator } = await stage()
    expect(await call('/pulls', wanted)).toMatchObject({
      status: 422,
      body: { message: 'Validation Failed', errors: [{ resource: 'PullRequest', field: 'head', code: 'invalid' }] },
    })
    await push()
    const opened = await call('/pulls', wanted)
    expect(opened).toMatchObject({
      status: 201,
      body: { number: 1, state: 'open', head: { ref: 'task', label: 'acme:task' } },
    })
    expect(opened.body['html_url']).toBe(`${simulator.url}/acme/web/pull/1`)
    const listed = async (query: string) =>
      ((await call(`/pulls?${query}`)).body as unknown as { number: number }[]).map(({ number }) => number)
    expect([await listed('head=acme:task'), await listed('head=acme:other'), await listed('head=other')]).toEqual([
      [1],
      [],
      [1],
    ])
    expect(await call('/pulls', wanted)).toMatchObject({
      status: 422,
      body: { errors: [{ code: 'custom', message: 'A pull request already exists for acme:task.' }] },
    })
    web.close(1)
    expect([await listed('head=acme:task'), await listed('head=acme:task&state=all')]).toEqual([[], [1]])
  })

  test('of Gitea finds by both branches and answers a second one with 409', async () => {
    const { call, push } = await stage('gitea')
    expect((await call('/pulls/main/task')).status).toBe(404)
    await push()
    expect((await call('/pulls', wanted)).status).toBe(201)
    expect(await call('/pulls/main/task')).toMatchObject({ status: 200, body: { number: 1 } })
    const again = await call('/pulls', wanted)
    expect([again.status, again.body['message']]).toEqual([
      409,
      'pull request already exists for these targets [id: 1, issue_id: 1, head_repo_id: 1, base_repo_id: 1, head_branch: task, base_branch: main]',
    ])
  })

  test.each([
    ['{', 400, 'Problems parsing JSON'],
    ['[]', 400, 'Body should be a JSON object'],
    [{ ...wanted, reviewers: [] }, 422, 'Invalid request.\n\n"reviewers" is not a permitted key.'],
    [{ head: 'task', base: 'main' }, 422, 'Invalid request.\n\n"title" wasn\'t supplied.'],
    [{ ...wanted, title: 1 }, 422, "Invalid request.\n\nFor 'properties/title', 1 is not a string."],
    [{ ...wanted, title: 'x'.repeat(257) }, 422, 'Validation Failed'],
    [{ ...wanted, head: 'main' }, 422, 'Validation Failed'],
  ])('refuses the creation %j', async (body, status, message) => {
    const { call } = await stage()
    expect(await call('/pulls', body)).toMatchObject({ status, body: { message } })
  })

  test.each([
    [{ authorization: 'Bearer wrong' }, 401, 'Bad credentials'],
    [{ authorization: '' }, 401, 'Requires authentication'],
  ])('refuses the credential %j', async (headers, status, message) => {
    const { call } = await stage()
    expect(await call('', undefined, headers)).toMatchObject({ status, body: { message } })
  })

  test.each(['/issues', '/pulls/1/merge', '/pulls/main/task'])('does not have %s', async (path) => {
    const { call } = await stage()
    expect(await call(path)).toMatchObject({ status: 404, body: { message: 'Not Found' } })
  })

  test('notes each call on the disk before its answer, filters it does not know as strays, and no credential', async () => {
    const { call, simulator, ledgerFile } = await stage()
    await call('/pulls?assignee=ada')
    const lines = readFileSync(ledgerFile, 'utf8').trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line) as object)).toEqual(simulator.ledger.calls)
    expect(simulator.ledger.calls).toMatchObject([
      { operation: 'find', method: 'GET', status: 200, strays: ['assignee'] },
    ])
    expect(lines.join()).not.toContain(token)
  })
})

describe('faults', () => {
  test('before the call carry nothing out; after it, only the answer is lost', async () => {
    const { call, push, web, simulator } = await stage()
    await push()
    simulator.failNext('rate-limited', { operation: 'create' })
    expect((await call('/pulls', wanted)).status).toBe(429)
    expect(web.pulls).toEqual([])
    simulator.failNext('internal-after', { operation: 'create' })
    expect((await call('/pulls', wanted)).status).toBe(500)
    expect(web.pulls).toHaveLength(1)
    simulator.failNext('reset-before')
    await expect(call('')).rejects.toThrow('fetch failed')
  })
})
