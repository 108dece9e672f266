import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { identify } from '../../adapters/processes/process-identity.ts'
import { commandLines } from '../support/processes.ts'
import { dataDirectory, ocg, startTestGateway, submit, until, type TestGateway } from '../support/gateway.ts'

let data: ReturnType<typeof dataDirectory>
let gateway: TestGateway | undefined

beforeEach(() => {
  data = dataDirectory()
})
afterEach(async () => {
  await gateway?.stop()
  gateway = undefined
  data.remove()
})

const start = async (): Promise<TestGateway> => (gateway = await startTestGateway({ dataDirectory: data.path }))

/** Every process whose command line or environment's data lies in the data directory. */
const processes = (): readonly string[] => commandLines().filter((line) => line.includes(data.path))

describe('a gateway without a model key', () => {
  it('starts, says so, and ends tasks failed with model_not_configured', async () => {
    const { client } = await start()
    const { id } = await submit(client, { prompt: 'Do something' })
    const task = await until(client, id, 'ended')
    expect([task.state, task.error?.code]).toEqual(['failed', 'model_not_configured'])
    expect(task.error?.message).toContain('GEMINI_API_KEY')
  })
})

describe('SIGTERM', () => {
  it('ends every process the gateway started, with exit code 0, and frees the data directory', async () => {
    const running = await start()
    const { items } = await running.client.json<{ items: { pid: number }[] }>('GET', '/v1/builders')
    expect(items).toHaveLength(2)
    expect(processes().length).toBeGreaterThanOrEqual(2)
    expect(await running.stop()).toBe(0)
    gateway = undefined
    expect(processes()).toEqual([])
    for (const { pid } of items) expect(identify(pid)).toBeUndefined()
    await start()
  })
})

describe('a second start on the same data', () => {
  it('exits 2, says who is running and what to do, and disturbs nobody', async () => {
    const running = await start()
    const second = await ocg(['up'], { DATA_DIR: data.path, PORT: '0' })
    expect(second.code).toBe(2)
    expect(second.stderr).toMatch(/^already_running: /)
    expect(second.stderr).toContain(String(running.pid))
    expect(await running.client.json('GET', '/readyz')).toEqual({ ok: true, failing: [] })
  })

  it('after a kill of the gateway ends its orphans and takes over', async () => {
    const killed = await start()
    await killed.kill()
    expect(processes().length).toBeGreaterThan(0)
    const successor = await start()
    expect(await successor.client.json('GET', '/readyz')).toEqual({ ok: true, failing: [] })
    const postgres = processes().filter((line) => line.includes('/postgres -D'))
    expect(postgres).toHaveLength(1)
  })
})

describe('a busy port', () => {
  it('of the API is refused with its holder’s name', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    const refused = await ocg(['up'], { DATA_DIR: data.path, PORT: String(port) })
    holder.close()
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/^port_in_use: /)
    expect(refused.stderr).toContain(`pid ${process.pid}`)
    expect(processes()).toEqual([])
  })
})

describe('a service that somebody else runs and nobody reaches', () => {
  it.each([
    ['database_unreachable', { DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none' }, 'DATABASE_URL'],
    ['temporal_unreachable', { TEMPORAL_ADDRESS: '127.0.0.1:9' }, 'TEMPORAL_ADDRESS'],
  ])('is %s, with what to check, and nothing is left running', async (code, environment, name) => {
    const refused = await ocg(['up'], { DATA_DIR: data.path, PORT: '0', ...environment })
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(new RegExp(`^${code}: .*${name}`, 'm'))
    expect(refused.stderr).not.toMatch(/^ {4}at /m)
    expect(processes()).toEqual([])
  })
})

describe('a wrong configuration', () => {
  it('is refused with every fault at once', async () => {
    const refused = await ocg(['up'], {
      DATA_DIR: data.path,
      PORT: 'many',
      LOG_LEVEL: 'loud',
      BUILDER_IDLE_TIMEOUT: '10',
    })
    expect(refused.code).toBe(1)
    for (const name of ['PORT', 'LOG_LEVEL', 'BUILDER_IDLE_TIMEOUT']) expect(refused.stderr).toContain(`${name}: `)
  })
})

describe('the data directory', () => {
  it('keeps the first key and the receipt key readable by their owner only', async () => {
    gateway = await startTestGateway({ dataDirectory: data.path, environment: { ADMIN_API_KEY: '' } })
    const modes = execFileSync('stat', ['-c', '%a', join(data.path, 'admin.key'), join(data.path, 'receipt.key')])
    expect(modes.toString().trim().split('\n')).toEqual(['600', '600'])
    const key = readFileSync(join(data.path, 'admin.key'), 'utf8').trim()
    const me = await fetch(`${gateway.client.url}/v1/me`, { headers: { authorization: `Bearer ${key}` } })
    expect(await me.json()).toMatchObject({ tenant: 'default', roles: ['admin'] })
  })
})
