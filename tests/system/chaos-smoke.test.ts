import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

it('4 faults on 6 tasks: every promise holds', { timeout: 300_000 }, async () => {
  const args = ['bin/run.mjs', 'chaos/main.ts', '--tier', 'smoke', '--seed', '1', '--json']
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  const [said, told]: [Buffer[], Buffer[]] = [[], []]
  child.stdout.on('data', (bytes: Buffer) => said.push(bytes))
  child.stderr.on('data', (bytes: Buffer) => told.push(bytes))
  const [code] = (await once(child, 'close')) as [number | null]
  const text = Buffer.concat(said).toString()
  expect(code, `${text}\n${Buffer.concat(told).toString()}`).toBe(0)
  const { holds, seed, tasks } = JSON.parse(text) as { holds: boolean; seed: number; tasks: { sent: number } }
  expect([holds, seed, tasks.sent]).toEqual([true, 1, 6])
})
