import type { Command } from 'commander'
import { loadConfig } from '../../adapters/config.ts'
import { ownerOf, type DirectoryOwner } from '../../adapters/processes/data-directory.ts'
import type { Check } from '../machine-checks.ts'
import { print } from '../output.ts'

/** `ocg doctor`: what a gateway would find on this machine, and what to do about it. */
export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('check what the gateway needs and say the next command')
    .option('--json', 'print JSON')
    .action(async (_options: unknown, command: Command) => {
      const config = loadConfig()
      const owner = await ownerOf(config.DATA_DIR)
      const { checkMachine } = await import('../machine-checks.ts')
      const checks = await checkMachine({ config, owner })
      const temporal = {
        address: config.TEMPORAL_ADDRESS ?? owner?.temporalAddress ?? '127.0.0.1:7233',
        namespace: config.TEMPORAL_NAMESPACE,
      }
      print(command, { json: { checks, temporal }, text: textOf(checks, owner) })
      process.exitCode = checks.every(({ ok }) => ok) ? 0 : 1
    })
}

function textOf(checks: readonly Check[], owner: DirectoryOwner | undefined): string {
  const lines = checks.map(
    ({ name, ok, detail, next }) => `${ok ? '✓' : '✗'} ${name}: ${detail}${next && `\n    next: ${next}`}`,
  )
  const next = checks.find(({ ok }) => !ok)?.next ?? (owner ? 'ocg task submit "…"' : 'npm start')
  return [...lines, '', `Next: ${next}`].join('\n')
}
