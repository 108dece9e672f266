import type { Command } from 'commander'
import { hasModelCredential, loadConfig } from '../../adapters/config.ts'
import { createProgress } from '../progress.ts'
import { runGateway, stopRequested } from '../run-gateway.ts'

/** `ocg up`: the embedded gateway until it is told to stop. */
export function addUp(program: Command): void {
  program
    .command('up')
    .description('start the gateway with everything it needs; Ctrl-C stops it')
    .action(async () => {
      const config = loadConfig()
      const stopping = stopRequested()
      const report = createProgress(process.stdout)
      const gateway = await runGateway({ config, report })
      report('ready')
      const lines = [
        `API              ${gateway.url}  (docs: ${gateway.url}/docs)`,
        `Temporal Web UI  ${gateway.temporalUiUrl ?? 'that of your Temporal server'}`,
        `Sign in once     ${gateway.signInLink()}`,
        `API key          ${gateway.adminKeyFile === undefined ? 'the one in ADMIN_API_KEY' : `in ${gateway.adminKeyFile}`}`,
        ...(hasModelCredential(config)
          ? []
          : ['No model key is set: tasks end `failed` with model_not_configured. Set GEMINI_API_KEY and start again.']),
      ]
      process.stdout.write(`\n${lines.join('\n')}\n\n`)
      await stopping
      report('stopping: builders finish the step in progress')
      await gateway.stop()
      report('stopped')
    })
}
