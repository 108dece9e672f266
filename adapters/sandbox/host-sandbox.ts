import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { rgPath } from '@vscode/ripgrep'
import type { Sandbox } from '../../domain/ports/sandbox.ts'
import { runProcess } from './run-process.ts'

/** Runs commands on the host itself: `SANDBOX=none`, a choice of the operator, never a fallback. */
export function createHostSandbox(): Sandbox {
  return {
    kind: 'none',
    pathOf: (workspace) => workspace,
    pathOfMount: ({ source }) => source,
    async run(command) {
      const home = await mkdtemp(join(tmpdir(), 'ocg-home-'))
      try {
        return await runProcess({
          ...command,
          directory: join(command.workspace, command.directory ?? '.'),
          environment: {
            PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:/opt/homebrew/bin:${dirname(rgPath)}`,
            HOME: home,
            LANG: 'C.UTF-8',
            TERM: 'dumb',
            ...command.environment,
          },
        })
      } finally {
        await rm(home, { recursive: true, force: true })
      }
    },
  }
}
