import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

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
