import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { commandLines } from '../support/processes.ts'
import { temporaryFolder } from '../support/sandboxed.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** A process that runs a command which never ends by itself; resolves when the command runs. */
async function builderAtWork(mode: string): Promise<{
  readonly builder: ChildProcess
  readonly runs: () => boolean
  readonly outcome: Promise<unknown>
}> {
  const workspace = temporaryFolder()
  const marker = `standstill-${process.pid}-${mode}`
  const script = `touch begun; exec -a ${marker} sleep 500`
  const builder = spawn(process.execPath, ['bin/run.mjs', 'tests/support/run-in-sandbox.ts', mode, workspace, script], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void builder.kill('SIGKILL'))
  const lines: string[] = []
  createInterface({ input: builder.stdout }).on('line', (line) => lines.push(line))
  const outcome = once(builder, 'close').then(() => JSON.parse(lines.at(-1) ?? '') as unknown)
  outcome.catch(() => undefined)
  await until(() => existsSync(join(workspace, 'begun')))
  return { builder, runs: () => commandLines().some((line) => line.startsWith(marker)), outcome }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(50)
}

describe.each(['bubblewrap', 'none'])('the command of a builder (%s)', (mode) => {
  test('that stands still ends meanwhile, and is not known to have been done', async () => {
    const { builder, runs, outcome } = await builderAtWork(mode)
    await until(runs)
    builder.kill('SIGSTOP')
    await expect.poll(runs, { timeout: 50_000 }).toBe(false)
    builder.kill('SIGCONT')
    expect(await outcome).toEqual({ refused: expect.stringMatching(/^This builder stood still for \d+\.\d s; /) })
  })

  test('that dies ends with it', async () => {
    const { builder, runs } = await builderAtWork(mode)
    await until(runs)
    builder.kill('SIGKILL')
    await expect.poll(runs, { timeout: 50_000 }).toBe(false)
  })
})
