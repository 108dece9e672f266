import type { Command } from 'commander'
import { loadConfig, publicSettings } from '../../adapters/config.ts'
import { print, table } from '../output.ts'

/** `ocg config print`: the settings in force, secrets hidden. */
export function addConfig(program: Command): void {
  program
    .command('config')
    .description('look at the configuration')
    .command('print')
    .description('print the settings in force; secrets are hidden')
    .option('--json', 'print JSON')
    .action((_options: unknown, command: Command) => {
      const settings = publicSettings(loadConfig())
      const rows = Object.entries(settings).map(([name, value]) => [
        name,
        value === undefined ? '' : JSON.stringify(value),
      ])
      print(command, { json: settings, text: table(rows) })
    })
}
