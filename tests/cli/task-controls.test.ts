import { describe, expect, it } from 'vitest'
import { problem, sampleTask, useRecordingGateway } from '../support/recording-gateway.ts'

const gateway = useRecordingGateway()
const sent = () => gateway().requests.map(({ line, body }) => (body === undefined ? line : [line, body]))

describe('ocg task cancel, pause, resume and retry', () => {
  it.each(['cancel', 'pause', 'resume', 'retry'])(
    '%s asks for it without a body and shows the task',
    async (control) => {
      gateway().on(`POST /v1/tasks/task-01/${control}`, { status: 202, json: sampleTask({ state: 'paused' }) })
      const { code, stdout } = await gateway().ocg(['task', control, 'task-01'])
      expect(code).toBe(0)
      expect(stdout).toContain('state: paused\n')
      expect(sent()).toEqual([`POST /v1/tasks/task-01/${control}`])
    },
  )

  it('says why the gateway refuses, with exit code 1', async () => {
    gateway().on('POST /v1/tasks/task-01/cancel', problem(409, 'conflict', 'task-01 is completed.'))
    const { code, stdout, stderr } = await gateway().ocg(['task', 'cancel', 'task-01', '--json'])
    expect([code, stdout, stderr]).toEqual([1, '', 'conflict: task-01 is completed.\n'])
  })
})

describe('ocg task say', () => {
  it('sends the text and shows the task as it is after it', async () => {
    gateway().on('POST /v1/tasks/task-01/messages', { status: 202, json: { taken: 'steer' } })
    gateway().on('GET /v1/tasks/task-01', { json: sampleTask({ state: 'building' }) })
    const { code, stdout } = await gateway().ocg(['--json', 'task', 'say', 'task-01', 'Use Zod'])
    expect([code, JSON.parse(stdout)]).toEqual([0, sampleTask({ state: 'building' })])
    expect(sent()).toEqual([['POST /v1/tasks/task-01/messages', { text: 'Use Zod' }], 'GET /v1/tasks/task-01'])
  })
})

describe('ocg task approve and reject', () => {
  it.each(['approve', 'reject'])('%s decides over the approval that is named, with the comment', async (decision) => {
    gateway().on('POST /v1/tasks/task-01/approvals/apr%2F1', { json: sampleTask({ state: 'building' }) })
    const words = ['task', decision, 'task-01', 'apr/1', '--comment', 'Not today']
    expect((await gateway().ocg(words)).code).toBe(0)
    expect(sent()).toEqual([['POST /v1/tasks/task-01/approvals/apr%2F1', { decision, comment: 'Not today' }]])
  })

  it('takes the approval the task waits with when none is named', async () => {
    const waiting = { for: 'approval', approvalId: 'apr-9', tool: 'run_shell_command' } as const
    gateway().on('GET /v1/tasks/task-01', { json: sampleTask({ state: 'awaiting_approval', waiting }) })
    gateway().on('POST /v1/tasks/task-01/approvals/apr-9', { json: sampleTask({ state: 'building' }) })
    expect((await gateway().ocg(['task', 'approve', 'task-01'])).stdout).toContain('state: building\n')
    expect(sent()).toEqual([
      'GET /v1/tasks/task-01',
      ['POST /v1/tasks/task-01/approvals/apr-9', { decision: 'approve' }],
    ])
  })

  it('decides nothing when the task waits for no approval', async () => {
    const waiting = { for: 'input', question: 'Which?' } as const
    gateway().on('GET /v1/tasks/task-01', { json: sampleTask({ state: 'awaiting_input', waiting }) })
    const { code, stderr } = await gateway().ocg(['task', 'reject', 'task-01'])
    expect([code, stderr]).toEqual([1, 'conflict: task-01 is awaiting_input and waits for no approval.\n'])
    expect(sent()).toEqual(['GET /v1/tasks/task-01'])
  })
})
