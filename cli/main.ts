import { constants } from 'node:os'
import { Command, CommanderError } from 'commander'
import { GatewayError } from '../domain/errors.ts'
import { printable } from '../domain/printable.ts'
import { addAudit } from './commands/audit.ts'
import { addCompletion } from './commands/completion.ts'
import { addConfig } from './commands/config.ts'
import { addDemo } from './commands/demo.ts'
import { addDoctor } from './commands/doctor.ts'
import { addKey } from './commands/key.ts'
import { addReceipt } from './commands/receipt.ts'
import { addTask } from './commands/task.ts'
import { addUp } from './commands/up.ts'

const program = new Command('ocg')
  .description('Engineering tasks as durable workflows, verified before they are called done.')
  .option('--json', 'print JSON')
  .showHelpAfterError('(ocg --help lists the commands)')
  .exitOverride()
for (const add of [addUp, addDemo, addDoctor, addTask, addKey, addAudit, addReceipt, addConfig, addCompletion])
  add(program)

/** 0 ok, 1 failed, 2 usage or somebody else's gateway. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof GatewayError && (error.code === 'already_running' || error.code === 'invalid_request')) return 2
  return 1
}

/** A reader that went away (`| head`) ends a command quietly, as SIGPIPE would; a gateway stops in order. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  if (!process.emit('SIGTERM')) process.exit(128 + constants.signals.SIGPIPE)
})

async function run(): Promise<number> {
  try {
    await program.parseAsync()
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof GatewayError) process.stderr.write(`${error.code}: ${printable(error.message)}\n`)
    else if (!(error instanceof CommanderError))
      process.stderr.write(`${String(error instanceof Error ? error.stack : error)}\n`)
    return exitCodeOf(error)
  }
}

const exitCode = await run()
// A pipe takes what was written in its own time; leaving before would cut it.
await Promise.all([process.stdout, process.stderr].map((out) => new Promise((resolve) => out.write('', resolve))))
process.exit(exitCode)
