import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

it('a builder whose gateway is gone before it has loaded ends, though its database would let it wait', async () => {
  const silent = createServer()
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as AddressInfo
  const { PATH, HOME } = process.env
  const child = spawn(process.execPath, ['bin/run.mjs', 'workers/builder.ts', '--id', 'orphan'], {
    cwd: ROOT,
    env: { PATH, HOME, DATABASE_URL: `postgres://nobody@127.0.0.1:${port}/nothing`, LOG_LEVEL: 'silent' },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const said: string[] = []
  child.stderr?.on('data', (bytes: Buffer) => said.push(bytes.toString()))
  const exit = once(child, 'exit') as Promise<[number | null, string | null]>
  child.disconnect()
  const waiting = setTimeout(() => child.kill('SIGKILL'), 30_000)
  expect(await exit).toEqual([1, null])
  expect(said.join('')).toBe('')
  clearTimeout(waiting)
  silent.close()
})
