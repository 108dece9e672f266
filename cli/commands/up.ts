import type { Command } from 'commander'
import { hasModelCredential, loadConfig, type Config } from '../../adapters/config.ts'
import { wantsJson } from '../output.ts'
import { createProgress } from '../progress.ts'
import type { LocalGateway } from '../run-gateway.ts'

/** `ocg up`: the embedded gateway until it is told to stop. */
export function addUp(program: Command): void {
  program
    .command('up')
    .description('start the gateway with everything it needs; Ctrl-C stops it')
    .option('--json', 'print one line of JSON when it is ready; progress goes to stderr')
    .action(async (_options: unknown, command: Command) => {
      const config = loadConfig()
      // Only here: every other command would wait a second for it.
      const { runGateway, stopRequested } = await import('../run-gateway.ts')
      const stopping = stopRequested()
      const json = wantsJson(command)
      const report = createProgress(json ? process.stderr : process.stdout)
      const gateway = await runGateway({ config, report })
      report('ready')
      process.stdout.write(json ? `${JSON.stringify(addressesOf(gateway))}\n` : welcome(gateway, config))
      await stopping
      report('stopping: builders finish the step in progress')
      await gateway.stop()
      report('stopped')
    })
}

const addressesOf = (gateway: LocalGateway) => ({
  url: gateway.url,
  temporalUiUrl: gateway.temporalUiUrl ?? null,
  signInLink: gateway.signInLink(),
  adminKeyFile: gateway.adminKeyFile ?? null,
})

function welcome(gateway: LocalGateway, config: Config): string {
  const lines = [
    `API              ${gateway.url}  (docs: ${gateway.url}/docs)`,
    `Temporal Web UI  ${gateway.temporalUiUrl ?? 'that of your Temporal server'}`,
    `Sign in once     ${gateway.signInLink()}`,
    `API key          ${gateway.adminKeyFile === undefined ? 'the one in ADMIN_API_KEY' : `in ${gateway.adminKeyFile}`}`,
    ...(hasModelCredential(config)
      ? []
      : ['No model key is set: tasks end `failed` with model_not_configured. Set GEMINI_API_KEY and start again.']),
  ]
  return `\n${lines.join('\n')}\n\n`
}
