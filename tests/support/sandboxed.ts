import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createSandbox } from '../../adapters/sandbox/create-sandbox.ts'
import type { Sandbox, SandboxCommand, SandboxResult } from '../../domain/ports/sandbox.ts'

/** No command of a test takes longer unless it hangs. */
const LIMIT_MS = 20_000
const KEPT_BYTES = 1024 * 1024

/** A result with its output as text. */
export type Ran = Omit<SandboxResult, 'stdout' | 'stderr'> & { readonly stdout: string; readonly stderr: string }

/** Commands on the host itself: what an attack does where nothing stops it. */
export const unprotected = (): Promise<Sandbox> => createSandbox({ mode: 'none', programs: '' })

/** A folder that is removed when the test ends. */
export function temporaryFolder(name = 'ocg-sandboxed-'): string {
  const folder = mkdtempSync(join(tmpdir(), name))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Runs a command, or a bash script, in a workspace. */
export async function ran(
  sandbox: Sandbox,
  command: string | SandboxCommand['command'],
  options: Partial<SandboxCommand> = {},
): Promise<Ran> {
  const result = await sandbox.run({
    workspace: options.workspace ?? temporaryFolder(),
    command: typeof command === 'string' ? ['bash', '-c', command] : command,
    timeoutMs: LIMIT_MS,
    maxOutputBytes: KEPT_BYTES,
    ...options,
  })
  return { ...result, stdout: textOf(result.stdout), stderr: textOf(result.stderr) }
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')
