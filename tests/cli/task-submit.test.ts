import { describe, expect, it } from 'vitest'
import { API_KEY, problem, sampleTask, useRecordingGateway } from '../support/recording-gateway.ts'

const gateway = useRecordingGateway()
const accepted = { status: 202, json: sampleTask() }

describe('ocg task submit', () => {
  it('sends the prompt and nothing the user did not say, with the key', async () => {
    gateway().on('POST /v1/tasks', accepted)
    const { code, stdout, stderr } = await gateway().ocg(['task', 'submit', 'Fix the bucket'])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^task-01 {2}Fix the bucket\nstate: queued\n/)
    const [request] = gateway().requests
    expect(request).toMatchObject({ line: 'POST /v1/tasks', body: { prompt: 'Fix the bucket' } })
    expect(Object.keys(request?.body as object)).toEqual(['prompt'])
    expect(request?.headers).toMatchObject({ authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' })
    expect(request?.headers['idempotency-key']).toBeUndefined()
  })

  it('sends every option at its place in the body', async () => {
    gateway().on('POST /v1/tasks', accepted)
    const words = [
      ...['task', 'submit', 'Fix it', '--title', 'Bucket', '--kind', 'code', '--repo', 'web', '--ref', 'v1'],
      ...['--check', 'npm test', '--check', 'npm run lint', '--setup', 'npm ci', '--protect', 'test', 'spec/**'],
      ...['--priority', '1', '--budget', '0.5', '--max-turns', '20', '--deadline', '2030-01-31T12:00:00Z'],
      ...['--approval-mode', 'plan', '--label', 'a', 'b', '--key', 'order-7'],
    ]
    expect((await gateway().ocg(words)).code).toBe(0)
    const [request] = gateway().requests
    expect(request?.headers['idempotency-key']).toBe('order-7')
    expect(request?.body).toEqual({
      prompt: 'Fix it',
      title: 'Bucket',
      kind: 'code',
      repository: { url: 'web', ref: 'v1' },
      acceptance: {
        commands: ['npm test', 'npm run lint'],
        setup: ['npm ci'],
        protectedPaths: ['test', 'spec/**'],
      },
      priority: 1,
      constraints: { budgetUsd: 0.5, maxTurns: 20, deadline: '2030-01-31T12:00:00Z', approvalMode: 'plan' },
      labels: ['a', 'b'],
    })
  })

  it('reads the prompt from standard input when it is -, however late it comes', async () => {
    gateway().on('POST /v1/tasks', accepted)
    const script = `(printf 'Ändere\\n'; sleep 0.5; printf 'das 🙂\\n') | ocg task submit - --label x`
    expect(await gateway().shell(script)).toMatchObject({ code: 0, stderr: '' })
    expect(gateway().requests[0]?.body).toEqual({ prompt: 'Ändere\ndas 🙂\n', labels: ['x'] })
  })

  it('takes what follows -- as the prompt even when it looks like an option', async () => {
    gateway().on('POST /v1/tasks', accepted)
    expect((await gateway().ocg(['task', 'submit', '--check', 'make', '--', '--fix the flag'])).code).toBe(0)
    expect(gateway().requests[0]?.body).toEqual({ prompt: '--fix the flag', acceptance: { commands: ['make'] } })
  })

  it.each([
    ['before the command', ['--json', 'task', 'submit', 'x']],
    ['between the commands', ['task', '--json', 'submit', 'x']],
    ['after the prompt', ['task', 'submit', 'x', '--json']],
  ])('with --json %s prints the task as the API sent it and nothing else', async (_place, words) => {
    gateway().on('POST /v1/tasks', { status: 202, json: { ...sampleTask(), fieldOfTheFuture: 1 } })
    const { code, stdout } = await gateway().ocg(words)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ ...sampleTask(), fieldOfTheFuture: 1 })
  })
})

describe('ocg task submit refuses before anything is sent, with exit code 2,', () => {
  it.each([
    ['no prompt', [], /missing required argument 'prompt'/],
    ['a second prompt', ['x', 'y'], /too many arguments/],
    ['an unknown option', ['x', '--prio', '1'], /unknown option '--prio'/],
    ['a priority that is no number', ['x', '--priority', 'high'], /Not a number/],
    ['an empty budget', ['x', '--budget', ''], /Not a number/],
    ['a budget without end', ['x', '--budget', 'Infinity'], /Not a number/],
    ['an unknown kind', ['x', '--kind', 'poem'], /Allowed choices are code, data, question, operations/],
    ['an unknown approval mode', ['x', '--approval-mode', 'never'], /Allowed choices are sandboxed/],
    ['--setup without --check', ['x', '--setup', 'npm ci'], /^invalid_request: --setup and --protect .*--check/],
    ['--protect without --check', ['x', '--protect', 'test'], /^invalid_request: --setup and --protect .*--check/],
    ['--ref without --repo', ['x', '--ref', 'main'], /^invalid_request: --ref .*--repo/],
  ])('%s', async (_what, words, said) => {
    const { code, stdout, stderr } = await gateway().ocg(['task', 'submit', ...words])
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(said)
    expect(gateway().requests).toEqual([])
  })
})

describe('a refusal of the API', () => {
  it.each([
    { status: 422, code: 'invalid_request', exit: 2 },
    { status: 422, code: 'repository_not_allowed', exit: 1 },
    { status: 401, code: 'unauthenticated', exit: 1 },
    { status: 403, code: 'forbidden', exit: 1 },
    { status: 429, code: 'rate_limited', exit: 1 },
    { status: 500, code: 'internal', exit: 1 },
  ])('$status $code is said on stderr, exit code $exit', async ({ status, code, exit }) => {
    gateway().on('POST /v1/tasks', problem(status, code, 'The API says why.'))
    const refused = await gateway().ocg(['task', 'submit', 'x', '--json'])
    expect(refused).toEqual({ code: exit, stdout: '', stderr: `${code}: The API says why.\n` })
  })
})
