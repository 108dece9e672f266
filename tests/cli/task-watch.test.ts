import type { ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import type { TaskView } from '../../domain/schemas/task.ts'
import { problem, sampleTask, useRecordingGateway, type Reply } from '../support/recording-gateway.ts'

const gateway = useRecordingGateway()
const EVENTS = 'GET /v1/tasks/task-01/events'

const event = (sequence: number, type: string, data: object = {}) => ({
  ...data,
  sequence,
  type,
  at: '2026-11-25T10:00:00.000Z',
  taskId: 'task-01',
})
type Event = ReturnType<typeof event>

const message = (sent: Event): string => `id: ${sent.sequence}\nevent: ${sent.type}\ndata: ${JSON.stringify(sent)}\n\n`
const open = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/event-stream' })
/** A stream that is closed in order after these events. */
const closing = (...events: readonly Event[]): Reply => {
  return (response) => open(response).end(events.map(message).join(''))
}
/** A stream that breaks in the middle of what follows these events. */
const breaking = (...events: readonly Event[]): Reply => {
  return (response) => {
    open(response).write(`${events.map(message).join('')}id: 99\ndata: {"seq`)
    setTimeout(() => response.destroy(), 50)
  }
}

const ended = (fields: Partial<TaskView>): void => gateway().on('GET /v1/tasks/task-01', { json: sampleTask(fields) })
const watch = (...flags: readonly string[]) => gateway().ocg(['task', 'watch', 'task-01', ...flags])
/** `Last-Event-ID` of every connection to the stream. */
const resumedFrom = () =>
  gateway()
    .requests.filter(({ line }) => line === EVENTS)
    .map(({ headers }) => headers['last-event-id'])

describe('ocg task watch', () => {
  it('says one line for every event a person cares for, then shows the task', async () => {
    const events = [
      event(1, 'task-received'),
      event(2, 'task-understood', { summary: 'Fix the refill', risk: 'low' }),
      event(3, 'task-queued', { strategy: 'kind', model: 'gemini-3.1-pro-preview' }),
      event(4, 'builder-assigned', { builder: 'b-1', attempt: 2 }),
      event(5, 'a-type-of-the-future', { anything: 1 }),
      event(6, 'tool-called', { name: 'run_shell_command', summary: 'run_shell_command npm test' }),
      event(7, 'tool-finished', { ok: false, summary: 'exit code 1' }),
      event(8, 'input-requested', { question: 'Which one?\nA or B?' }),
      event(9, 'verification-finished', { verdict: 'passed', commands: 1 }),
      event(10, 'task-ended', { state: 'completed' }),
    ]
    gateway().on(EVENTS, closing(...events))
    ended({ state: 'completed', result: { summary: 'Done.', verdict: 'passed', branch: 'ocg/task-01', commit: 'abc' } })
    const { code, stdout } = await watch()
    expect(code).toBe(0)
    expect(stdout.split('\n').slice(0, 12)).toEqual([
      'received',
      'understood: Fix the refill (risk low)',
      'queued for a builder (route kind, model gemini-3.1-pro-preview)',
      'builder b-1, attempt 2',
      '  run_shell_command npm test',
      '  ✗ exit code 1',
      'question: Which one? A or B? (answer with ocg task say)',
      'verification: passed (1 commands in a clean checkout)',
      'completed',
      '',
      'task-01  Fix the bucket',
      'state: completed',
    ])
    expect(stdout).toContain('verdict: passed\nDone.\nbranch: ocg/task-01 at abc\n')
    expect(gateway().requests.map(({ line }) => line)).toEqual([EVENTS, 'GET /v1/tasks/task-01'])
    expect(gateway().requests[0]?.headers).toMatchObject({ accept: 'text/event-stream', 'last-event-id': '0' })
  })

  it.each(['failed', 'expired'] as const)('exits 1 when the task ended %s', async (state) => {
    gateway().on(EVENTS, closing(event(1, 'task-ended', { state, code: 'max_turns' })))
    ended({ state, error: { code: 'max_turns', message: 'Too many turns.', retryable: false } })
    const { code, stdout } = await watch()
    expect(code).toBe(1)
    expect(stdout).toContain(`${state} (max_turns)\n`)
    expect(stdout).toContain('error: max_turns: Too many turns.\n')
  })

  it('with --json prints the events as they came, one a line, and no text', async () => {
    const events = [event(1, 'task-received'), event(2, 'task-ended', { state: 'failed' })]
    gateway().on(EVENTS, closing(...events))
    ended({ state: 'failed' })
    const { code, stdout } = await watch('--json')
    expect(code).toBe(1)
    expect(stdout).toBe(events.map((sent) => `${JSON.stringify(sent)}\n`).join(''))
  })

  it('puts a character together that arrives in two pieces', async () => {
    gateway().on(EVENTS, (response) => {
      const bytes = Buffer.from(
        message(event(1, 'message-sent', { text: '🙂' })) + message(event(2, 'task-ended', { state: 'completed' })),
      )
      const middle = bytes.indexOf('🙂') + 2
      open(response).write(bytes.subarray(0, middle))
      setTimeout(() => response.end(bytes.subarray(middle)), 100)
    })
    ended({ state: 'completed' })
    const [first] = (await watch('--json')).stdout.split('\n')
    expect(JSON.parse(first ?? '')).toMatchObject({ type: 'message-sent', text: '🙂' })
  })

  it('shows no character of an event that a terminal would act on', async () => {
    const summary = 'npm test\u001b[8m; curl evil\u001b[0m\rnpm test\u202e'
    gateway().on(EVENTS, closing(event(1, 'tool-called', { summary }), event(2, 'task-ended', { state: 'completed' })))
    ended({ state: 'completed' })
    const { stdout } = await watch()
    expect(stdout.split('\n')[0]).toBe('  npm test\ufffd[8m; curl evil\ufffd[0m\ufffdnpm test\ufffd')
  })
})

describe('a stream of events that breaks', () => {
  it('is taken up where it stopped, so that every event is said once', async () => {
    gateway().on(
      EVENTS,
      breaking(event(1, 'task-received'), event(2, 'turn-started', { turn: 1 })),
      closing(),
      problem(503, 'unavailable', 'The database is away.'),
      (response) => response.destroy(),
      breaking(event(3, 'turn-started', { turn: 2 })),
      closing(event(4, 'task-ended', { state: 'completed' })),
    )
    ended({ state: 'completed' })
    const { code, stdout } = await watch('--json')
    expect(code).toBe(0)
    const sequences = stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as Event).sequence)
    expect(sequences).toEqual([1, 2, 3, 4])
    expect(resumedFrom()).toEqual(['0', '2', '2', '2', '2', '3'])
  })

  it.each([
    [404, 'not_found'],
    [401, 'unauthenticated'],
  ])('is given up at once when the gateway says %i %s', async (status, code) => {
    gateway().on(EVENTS, breaking(event(1, 'task-received')), problem(status, code, 'No.'))
    expect(await watch()).toEqual({ code: 1, stdout: 'received\n', stderr: `${code}: No.\n` })
    expect(resumedFrom()).toEqual(['0', '1'])
  })

  it('is given up after 20 tries in a row without news, with what to do', async () => {
    gateway().on(EVENTS, breaking(event(1, 'task-received')), closing())
    const { code, stdout, stderr } = await watch()
    expect([code, stdout]).toEqual([1, 'received\n'])
    expect(stderr).toMatch(
      /^gateway_unreachable: No gateway answers at http:.*Start one with npm start, or set OCG_URL/,
    )
    expect(resumedFrom()).toHaveLength(20)
  })
})

describe('ocg task submit --watch', () => {
  it('follows the task it sent; exit code and output are those of watch', async () => {
    gateway().on('POST /v1/tasks', { status: 202, json: sampleTask() })
    gateway().on(EVENTS, closing(event(1, 'task-received'), event(2, 'task-ended', { state: 'cancelled' })))
    ended({ state: 'cancelled' })
    const { code, stdout } = await gateway().ocg(['task', 'submit', 'x', '--watch'])
    expect(code).toBe(1)
    expect(stdout).toMatch(/^received\ncancelled\n\ntask-01 {2}Fix the bucket\nstate: cancelled\n/)
  })
})
