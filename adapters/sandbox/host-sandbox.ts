import { statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { rgPath } from '@vscode/ripgrep'
import type { Sandbox, SandboxCommand, SandboxResult } from '../../domain/ports/sandbox.ts'
import { endProcessesWith } from './processes-with.ts'
import { cannotStart, runProcess } from './run-process.ts'

/** Runs commands on the host itself: `SANDBOX=none`, a choice of the operator, never a fallback. */
export function createHostSandbox(): Sandbox {
  return {
    kind: 'none',
    pathOf: (workspace) => workspace,
    pathOfMount: ({ source }) => source,
    async run(command) {
      const home = await mkdtemp(join(tmpdir(), 'ocg-home-'))
      const directory = join(command.workspace, command.directory ?? '.')
      try {
        return await runProcess({
          ...command,
          directory,
          environment: {
            PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:/opt/homebrew/bin:${dirname(rgPath)}`,
            HOME: home,
            LANG: 'C.UTF-8',
            TERM: 'dumb',
            PWD: directory,
            ...command.environment,
          },
          // No other command has this home: it marks whatever this one started, in its group or not.
          endStrays: () => endProcessesWith(`HOME=${home}`),
        })
      } catch (error) {
        return failureOf(error as NodeJS.ErrnoException, command)
      } finally {
        await rm(home, { recursive: true, force: true })
      }
    },
  }
}

/** Node says of a missing program and a missing directory the same. */
function failureOf(error: NodeJS.ErrnoException, { workspace, directory, command }: SandboxCommand): SandboxResult {
  if (error.syscall?.startsWith('spawn') !== true || !isDirectory(workspace)) throw error
  if (!isDirectory(join(workspace, directory ?? '.'))) return cannotStart(`${directory}: not a directory`)
  return cannotStart(`${command[0]}: not found`)
}

const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
