import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { anyPort } from '../../adapters/processes/ports.ts'
import { identify } from '../../adapters/processes/process-identity.ts'
import { API_KEY, sampleTask, useRecordingGateway } from '../support/recording-gateway.ts'

const gateway = useRecordingGateway()

describe('usage', () => {
  it.each([
    ['', 'Usage: ocg'],
    ['tasks', "unknown command 'tasks'"],
    ['task', 'Usage: ocg task'],
    ['task shwo task-01', "unknown command 'shwo'"],
    ['task show', "missing required argument 'id'"],
    ['key create ci --role root', 'Allowed choices are admin, operator, submitter, viewer, auditor, service'],
    ['completion fish', 'Allowed choices are bash, zsh'],
  ])('`ocg %s` exits 2, says why on stderr, and asks nobody', async (words, said) => {
    const { code, stdout, stderr } = await gateway().ocg(words.split(' ').filter(Boolean))
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(said)
    expect(gateway().requests).toEqual([])
  })

  it('--help exits 0 and names every command', async () => {
    const { code, stdout } = await gateway().ocg(['--help'])
    expect(code).toBe(0)
    for (const name of ['up', 'demo', 'doctor', 'task', 'key', 'audit', 'receipt', 'config', 'completion'])
      expect(stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'))
  })
})

describe('which gateway is asked', () => {
  const publish = (owner: object) =>
    writeFileSync(join(gateway().dataDirectory, 'gateway.json'), JSON.stringify({ url: gateway().url, ...owner }))
  const list = (environment: Record<string, string>) => gateway().ocg(['task', 'list'], environment)
  const keys = () => gateway().requests.map(({ headers }) => headers.authorization)

  it('is that of OCG_URL, with or without a slash at its end', async () => {
    gateway().on('GET /v1/tasks', { json: { items: [], nextCursor: null } })
    expect((await list({ OCG_URL: `${gateway().url}/` })).code).toBe(0)
    expect(keys()).toEqual([`Bearer ${API_KEY}`])
  })

  it('without OCG_URL is the one that runs on DATA_DIR, with the key it wrote', async () => {
    gateway().on('GET /v1/tasks', { json: { items: [], nextCursor: null } })
    publish(identify(process.pid) ?? {})
    writeFileSync(join(gateway().dataDirectory, 'admin.key'), 'ocg_from-the-file\n')
    expect((await list({ OCG_URL: '', OCG_API_KEY: '' })).code).toBe(0)
    expect(keys()).toEqual(['Bearer ocg_from-the-file'])
  })

  it('is not one that died and left its address behind', async () => {
    publish({ pid: process.pid, startedAt: 'some other process' })
    const port = await anyPort('127.0.0.1')
    const { code, stderr } = await list({ OCG_URL: '', PORT: String(port) })
    expect(code).toBe(1)
    expect(stderr).toContain(`gateway_unreachable: No gateway answers at http://127.0.0.1:${port} (ECONNREFUSED).`)
    expect(gateway().requests).toEqual([])
  })

  it('needs a key: without one the answer says where one comes from', async () => {
    const { code, stderr } = await list({ OCG_API_KEY: '' })
    expect(code).toBe(1)
    expect(stderr).toBe(
      `unauthenticated: There is no API key: set OCG_API_KEY, or start a gateway, which writes ${join(gateway().dataDirectory, 'admin.key')}.\n`,
    )
  })
})

describe('an answer that is none of the gateway’s', () => {
  const html = '<html>Sign in to the proxy</html>'

  it.each([
    [
      'a page with status 200',
      { text: html },
      /^gateway_unreachable: .* answers, but not as a gateway does\. Check OCG_URL/,
    ],
    ['a page with status 502', { status: 502, text: html }, /^internal: The gateway answered 502\.$/m],
    ['an error of another form', { status: 500, json: null }, /^internal: The gateway answered 500\.$/m],
    ['an error with a list', { status: 404, json: ['no'] }, /^internal: The gateway answered 404\.$/m],
  ])('%s is one line on stderr, never a stack', async (_what, reply, said) => {
    gateway().on('GET /v1/tasks/task-01', reply)
    const { code, stdout, stderr } = await gateway().ocg(['task', 'show', 'task-01'])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(said)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  it('that breaks off is one line on stderr too', async () => {
    gateway().on('GET /v1/tasks/task-01', (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '5000' })
      response.write(JSON.stringify(sampleTask()).slice(0, 40))
      setTimeout(() => response.destroy(), 50)
    })
    const { code, stderr } = await gateway().ocg(['task', 'show', 'task-01'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^gateway_unreachable: /)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })
})

describe('a wrong configuration', () => {
  it('is refused by every command with all faults at once, exit code 1', async () => {
    mkdirSync(join(gateway().dataDirectory, 'folder'))
    const { code, stderr } = await gateway().ocg(['task', 'list'], {
      PORT: '99999',
      SANDBOX: 'maybe',
      GEMINI_API_KEY_FILE: join(gateway().dataDirectory, 'folder'),
    })
    expect(code).toBe(1)
    expect(stderr.split('\n').slice(0, 4)).toEqual([
      'configuration_invalid: The configuration has 3 fault(s). Correct these variables and start again:',
      '  GEMINI_API_KEY_FILE: cannot be read (EISDIR)',
      expect.stringMatching(/^ {2}PORT: /),
      expect.stringMatching(/^ {2}SANDBOX: /),
    ])
  })
})
