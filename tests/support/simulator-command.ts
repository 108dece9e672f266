import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

/** A folder that goes with the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'simulator-command-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

/** Runs a simulator's command until the test ends; resolves when it has said something. */
export async function startCommand(simulator: string, flags: readonly string[]) {
  const child = spawn(process.execPath, ['bin/run.mjs', `simulators/${simulator}/main.ts`, ...flags])
  onTestFinished(() => void child.kill('SIGKILL'))
  const pieces: Buffer[] = []
  const closed = once(child, 'close')
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => pieces.push(piece))
  await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data'), closed])
  return {
    child,
    /** All output so far. */
    said: (): string => Buffer.concat(pieces).toString(),
    /** Writes a line to its input. */
    type: (line: string): void => void child.stdin.write(`${line}\n`),
    /** The exit code, once it ended. */
    code: async (): Promise<number | null> => ((await closed) as [number | null])[0],
  }
}

/** How a simulator's command meets mistakes and `--help`. */
export function testUsage(
  simulator: string,
  usage: { readonly mistakes: readonly (readonly [readonly string[], string])[]; readonly options: readonly string[] },
): void {
  test.each(usage.mistakes)('%j is told what to do', async (flags, expected) => {
    const command = await startCommand(simulator, flags)
    expect(await command.code()).toBe(1)
    expect(command.said()).toContain(expected)
    expect(command.said()).toContain('Usage:')
  })

  test('lists every option for --help', async () => {
    const command = await startCommand(simulator, ['--help'])
    expect(await command.code()).toBe(0)
    for (const option of usage.options) expect(command.said()).toContain(`  --${option} `)
  })
}
