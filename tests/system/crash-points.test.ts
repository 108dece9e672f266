import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** One of the gateway and one of a builder; `npm run crash-points` has them all. */
const ONLY = 'wait for the approval,branch pushed'

it('a process that is killed right before or after an effect costs nothing', { timeout: 300_000 }, async () => {
  const args = ['bin/run.mjs', 'chaos/crash-points/main.ts', '--only', ONLY, '--json']
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  const [said, told]: [Buffer[], Buffer[]] = [[], []]
  child.stdout.on('data', (bytes: Buffer) => said.push(bytes))
  child.stderr.on('data', (bytes: Buffer) => told.push(bytes))
  const [code] = (await once(child, 'close')) as [number | null]
  const text = Buffer.concat(said).toString()
  expect(code, `${text}\n${Buffer.concat(told).toString()}`).toBe(0)
  const { outcomes } = JSON.parse(text) as { outcomes: readonly { violations: readonly string[] }[] }
  expect(outcomes.map(({ violations }) => violations)).toEqual([[], [], [], []])
})
