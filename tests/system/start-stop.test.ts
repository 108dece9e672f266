import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { identify } from '../../adapters/processes/process-identity.ts'
import { GatewayClient } from '../../cli/client.ts'
import { commandLines } from '../support/processes.ts'
import { dataDirectory, ocg, startTestGateway, submit, until, type TestGateway } from '../support/gateway.ts'

/** Every process whose command line lies in the data directory. */
const processesOf = ({ path }: { readonly path: string }): readonly string[] =>
  commandLines().filter((line) => line.includes(path))

/** A start costs seconds of CPU time: the tests follow one data directory, each from where the last one left it. */
describe('a data directory', () => {
  const data = dataDirectory()
  let gateway: TestGateway

  /** Nobody names a key: one is made. */
  const start = async (): Promise<void> => {
    const running = await startTestGateway({ dataDirectory: data.path, environment: { ADMIN_API_KEY: '' } })
    const key = readFileSync(join(data.path, 'admin.key'), 'utf8').trim()
    gateway = { ...running, client: new GatewayClient(running.client.url, key) }
  }

  beforeAll(start)
  afterAll(async () => {
    await gateway.stop()
    data.remove()
  })

  it('keeps the first key and the receipt key readable by their owner only', async () => {
    const modes = execFileSync('stat', ['-c', '%a', join(data.path, 'admin.key'), join(data.path, 'receipt.key')])
    expect(modes.toString().trim().split('\n')).toEqual(['600', '600'])
    expect(await gateway.client.json('GET', '/v1/me')).toMatchObject({ tenant: 'default', roles: ['admin'] })
  })

  it('without a model key ends tasks failed with model_not_configured', async () => {
    const { id } = await submit(gateway.client, { prompt: 'Do something' })
    const task = await until(gateway.client, id, 'ended')
    expect([task.state, task.error?.code]).toEqual(['failed', 'model_not_configured'])
    expect(task.error?.message).toContain('GEMINI_API_KEY')
  })

  it('refuses a second start with exit code 2, says who is running and what to do, and disturbs nobody', async () => {
    const second = await ocg(['up'], { DATA_DIR: data.path, PORT: '0' })
    expect(second.code).toBe(2)
    expect(second.stderr).toMatch(/^already_running: /)
    expect(second.stderr).toContain(String(gateway.pid))
    expect(await gateway.client.json('GET', '/readyz')).toEqual({ ok: true, failing: [] })
  })

  it('is free after SIGTERM: every process the gateway started has ended, with exit code 0', async () => {
    const { items } = await gateway.client.json<{ items: { pid: number }[] }>('GET', '/v1/builders')
    expect(items).toHaveLength(2)
    expect(processesOf(data).length).toBeGreaterThanOrEqual(2)
    expect(await gateway.stop()).toBe(0)
    expect(processesOf(data)).toEqual([])
    for (const { pid } of items) expect(identify(pid)).toBeUndefined()
    await start()
  })

  it('is taken over after a kill of its gateway, whose orphans are ended', async () => {
    await gateway.kill()
    expect(processesOf(data).length).toBeGreaterThan(0)
    await start()
    expect(await gateway.client.json('GET', '/readyz')).toEqual({ ok: true, failing: [] })
    expect(processesOf(data).filter((line) => line.includes('/postgres -D'))).toHaveLength(1)
  })
})

describe('a start that is refused', () => {
  let data: ReturnType<typeof dataDirectory>
  beforeEach(() => void (data = dataDirectory()))
  afterEach(() => data.remove())

  it('names the holder of its busy port', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    const refused = await ocg(['up'], { DATA_DIR: data.path, PORT: String(port) })
    holder.close()
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/^port_in_use: /)
    expect(refused.stderr).toContain(`pid ${process.pid}`)
    expect(processesOf(data)).toEqual([])
  })

  it.each([
    ['database_unreachable', { DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none' }, 'DATABASE_URL'],
    ['temporal_unreachable', { TEMPORAL_ADDRESS: '127.0.0.1:9' }, 'TEMPORAL_ADDRESS'],
  ])(
    'because a service is away says %s and what to check, and leaves nothing running',
    async (code, environment, name) => {
      const refused = await ocg(['up'], { DATA_DIR: data.path, PORT: '0', ...environment })
      expect(refused.code).toBe(1)
      expect(refused.stderr).toMatch(new RegExp(`^${code}: .*${name}`, 'm'))
      expect(refused.stderr).not.toMatch(/^ {4}at /m)
      expect(processesOf(data)).toEqual([])
    },
  )

  it('names every fault of its configuration at once', async () => {
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
